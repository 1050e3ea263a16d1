/**
 * Measures the cost and the findings of cleaning: `node -C development bench/data.ts [--problems 1000000] [--sections scale,leaks] [--seed 1]`.
 *
 * `scale`: import → check → dedup → decontaminate → export of generated problems with known duplicates and leaks;
 * reports rate and resident memory. `leaks`: MATH-500 planted in MATH-train ($GRADUS_DATA, default ../shared/data),
 * word for word, reformatted, and paraphrased; counts detected plants and false alarms. The last line is JSON.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openGoldJudge } from '../src/cli/data/gold-judge.ts';
import type { Problem } from '../src/core/problem.ts';
import { createRng } from '../src/core/rng.ts';
import { file, fileConfig } from '../src/problems/file-source.ts';
import { readFileProblems } from '../src/problems/read-file-source.ts';
import { decontaminate } from '../src/problems/hygiene/decontaminate.ts';
import { dedup } from '../src/problems/hygiene/dedup.ts';
import { withoutFindings } from '../src/problems/hygiene/filter.ts';
import { FindingLog } from '../src/problems/hygiene/report.ts';
import { findUnverifiable } from '../src/problems/hygiene/unverifiable.ts';
import { statedDifficulty } from '../src/problems/output/difficulty.ts';
import { problemLine } from '../src/problems/output/problem-line.ts';
import { writeLines } from '../src/problems/output/text-file.ts';
import { writeVerlParquet } from '../src/problems/output/verl-parquet.ts';
import { reformat, retell } from './data/plants.ts';

const { values: flags } = parseArgs({
  options: {
    problems: { type: 'string', default: '1000000' },
    sections: { type: 'string', default: 'scale,leaks' },
    /** Seed of the paraphrases. */
    seed: { type: 'string', default: '1' },
  },
});

const read = (folder: string, path: string): AsyncGenerator<Problem> =>
  readFileProblems(fileConfig.parse(file(path, { onError: 'skip' })), folder);

async function* linesOf(problems: AsyncIterable<Problem>): AsyncGenerator<string> {
  for await (const problem of problems) yield problemLine(problem);
}

interface Stage {
  readonly stage: string;
  readonly problems: number;
  readonly seconds: number;
  /** CPU time of the process. */
  readonly cpuSeconds: number;
  /** Problems per CPU second. */
  readonly perSecond: number;
  /** Resident memory in MB after each quarter of the output problems. */
  readonly residentMb: readonly number[];
  readonly removed?: Readonly<Record<string, number>>;
}

/** Runs one stage and records its time and memory. */
async function measure(
  stage: string,
  expected: number,
  problems: AsyncIterable<Problem>,
  write: (problems: AsyncIterable<Problem>) => Promise<number>,
  log?: FindingLog,
): Promise<Stage> {
  const residentMb: number[] = [];
  const note = (): number => residentMb.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
  let count = 0;
  async function* watched(): AsyncGenerator<Problem> {
    for await (const problem of problems) {
      if (++count % Math.ceil(expected / 4) === 0) note();
      yield problem;
    }
  }
  const started = performance.now();
  const cpu = process.cpuUsage();
  const written = await write(watched());
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuSeconds = (user + system) / 1e6;
  note();
  const result = {
    stage,
    problems: written,
    seconds: Number(seconds.toFixed(1)),
    cpuSeconds: Number(cpuSeconds.toFixed(1)),
    perSecond: Math.round(expected / cpuSeconds),
    residentMb,
    ...(log === undefined ? {} : { removed: log.report().removed }),
  };
  console.log(
    `${stage.padEnd(14)} ${String(written).padStart(8)} kept  ${seconds.toFixed(1).padStart(6)} s, CPU ${cpuSeconds.toFixed(1)} s  ` +
      `${String(result.perSecond).padStart(7)}/s  resident MB ${residentMb.join(' ')}  ${JSON.stringify(result.removed ?? {})}`,
  );
  return result;
}

async function measureScale(total: number): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-bench-data-'));
  try {
    const generator = join(import.meta.dirname, 'data', 'generate.ts');
    const node = ['-C', 'development', generator, folder, String(total)];
    const planted = JSON.parse(execFileSync(process.execPath, node, { encoding: 'utf8' })) as {
      written: number;
    };
    console.log(`generated ${JSON.stringify(planted)}`);
    const { written } = planted;
    await using judge = openGoldJudge();
    const { sameAnswer } = judge;
    const to = (name: string) => (problems: AsyncIterable<Problem>) =>
      writeLines(join(folder, name), linesOf(problems));
    const logs = { check: new FindingLog(), dedup: new FindingLog(), decontaminate: new FindingLog() };
    const stages: Stage[] = [
      await measure('import', written, read(folder, 'raw.jsonl'), to('problems.jsonl')),
    ];
    const checked = withoutFindings(
      read(folder, 'problems.jsonl'),
      [findUnverifiable, judge.findUnreadable],
      logs.check,
    );
    stages.push(await measure('check', written, checked, to('checked.jsonl'), logs.check));
    const distinct = dedup(() => read(folder, 'checked.jsonl'), logs.dedup, { sameAnswer });
    stages.push(await measure('dedup', written, distinct, to('distinct.jsonl'), logs.dedup));
    const sets = [{ name: 'evaluation', problems: read(folder, 'evaluation.jsonl') }];
    const clean = decontaminate(read(folder, 'distinct.jsonl'), sets, logs.decontaminate, { sameAnswer });
    stages.push(await measure('decontaminate', written, clean, to('clean.jsonl'), logs.decontaminate));
    const verl = join(folder, 'verl.parquet');
    const exportTo = (problems: AsyncIterable<Problem>) =>
      writeVerlParquet(verl, problems, { split: 'train', difficultyOf: statedDifficulty() });
    stages.push(await measure('export', written, read(folder, 'clean.jsonl'), exportTo));
    const peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
    const rawMb = Math.round(statSync(join(folder, 'raw.jsonl')).size / 2 ** 20);
    console.log(`peak resident ${peakMb} MB for ${rawMb} MB of problems`);
    return { planted, stages, peakMb, rawMb };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measureLeaks(): Promise<object> {
  const folder = process.env['GRADUS_DATA'] ?? join(import.meta.dirname, '..', '..', 'shared', 'data');
  const train = await collect(read(folder, 'deepscaler_math_train.json.gz'));
  const test = await collect(read(folder, 'math500.jsonl.gz'));
  const rng = createRng(Number(flags.seed), 'bench-data', 'retell');
  const ways = {
    verbatim: (text: string) => text,
    reformatted: reformat,
    retold: (text: string) => retell(text, rng),
  };
  await using judge = openGoldJudge();
  const { sameAnswer } = judge;
  const found: Record<string, string> = {};
  for (const [way, change] of Object.entries(ways)) {
    const planted = test.map((problem): Problem => {
      const content = change(problem.prompt[0]!.content);
      return { ...problem, id: `${way}:${problem.id}`, prompt: [{ role: 'user', content }] };
    });
    const log = new FindingLog((finding) => {
      if (!finding.id.includes(':test/')) console.log(`false alarm? ${finding.id}: ${finding.explanation}`);
    });
    const sets = [{ name: 'math500', problems: test }];
    const missed: string[] = [];
    let clean = 0;
    for await (const { id } of decontaminate(merged(planted, train), sets, log, { sameAnswer }))
      if (id.startsWith(`${way}:`)) missed.push(id);
      else clean++;
    const falseAlarms = train.length - clean;
    found[way] = `${test.length - missed.length}/${test.length}`;
    found[`${way} false alarms`] = `${falseAlarms}/${train.length}`;
    console.log(
      `${way.padEnd(12)} found ${found[way]} (${((1 - missed.length / test.length) * 100).toFixed(1)} %), ` +
        `false alarms ${falseAlarms}/${train.length} (${((falseAlarms / train.length) * 100).toFixed(3)} %) missed ${missed.join(' ')}`,
    );
  }
  return found;
}

async function collect(problems: AsyncIterable<Problem>): Promise<Problem[]> {
  const all: Problem[] = [];
  for await (const problem of problems) all.push(problem);
  return all;
}

async function* merged(...lists: readonly (readonly Problem[])[]): AsyncGenerator<Problem> {
  for (const list of lists) yield* list;
}

const sections = flags.sections.split(',');
const summary = {
  ...(sections.includes('leaks') ? { leaks: await measureLeaks() } : {}),
  ...(sections.includes('scale') ? { scale: await measureScale(Number(flags.problems)) } : {}),
};
console.log(JSON.stringify(summary));
