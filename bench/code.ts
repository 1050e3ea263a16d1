/**
 * Measures speed and accuracy of judging code: `node -C development bench/code.ts [--sections speed,references,samples]`.
 *
 * The data come from $GRADUS_DATA (default ../shared/data): HumanEval.jsonl.gz, mbpp.jsonl.gz and, for `samples`,
 * codet_humaneval_codegen16b_samples.jsonl.gz (microsoft/CodeT: 100 programs by CodeGen-16B for each HumanEval problem;
 * an independent evaluation found pass@1, @10 and @100 of .228, .513, .750). The problems are judged in a random order,
 * and stderr shows the figures so far after every twenty problems, so a run that is stopped early, or limited by
 * `--problems 40`, gives a fair sample. All 16,400 programs take about seven minutes of CPU time, and much longer if
 * other work slows the machine down. The last line is JSON.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { DataError } from '../src/core/errors.ts';
import type { Problem } from '../src/core/problem.ts';
import { createRng } from '../src/core/rng.ts';
import { pythonKinds, pythonSandbox } from '../src/sandbox/python/python-sandbox.ts';
import { code, openCode, type CodeVerifier } from '../src/verifiers/code/code.ts';
import { readCodeProblem } from '../src/problems/shapes/tests/read-problem.ts';
import { bootstrapMean } from '../src/statistics/intervals.ts';

const { values: flags } = parseArgs({
  options: {
    sections: { type: 'string', default: 'speed,references,samples' },
    lanes: { type: 'string', default: '2' },
    kind: { type: 'string', default: 'auto' },
    problems: { type: 'string', default: '164' },
    seed: { type: 'string', default: '1' },
  },
});

interface Judged {
  readonly problem: Problem;
  readonly program: string;
}

interface Row extends Readonly<Record<string, unknown>> {
  readonly prompt: string;
  readonly canonical_solution: string;
  readonly code: string;
  readonly task_id: string | number;
  readonly samples: readonly string[];
}

const folder = process.env['GRADUS_DATA'] ?? join(import.meta.dirname, '..', '..', 'shared', 'data');

function rowsOf(name: string): Row[] {
  const path = join(folder, name);
  if (!existsSync(path)) {
    throw new DataError(`expected ${path}, found nothing`, {
      tryNext: 'GRADUS_DATA=<folder> npm run bench:code',
    });
  }
  return gunzipSync(readFileSync(path))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
}

/** Wraps the program in a fence longer than any in the program, so that no line of the program ends the block. */
const fenced = (program: string): string => `\`\`\`\`\`\`\`\`\`\`python\n${program}\n\`\`\`\`\`\`\`\`\`\``;

async function judge(
  verifier: CodeVerifier,
  list: readonly Judged[],
): Promise<{ outcomes: string[]; seconds: number }> {
  const start = performance.now();
  const verdicts = await Promise.all(
    list.map(({ problem, program }) => verifier.verify(problem, fenced(program))),
  );
  return { outcomes: verdicts.map(({ outcome }) => outcome), seconds: (performance.now() - start) / 1000 };
}

const share = (outcomes: readonly string[]): string =>
  `${outcomes.filter((outcome) => outcome === 'correct').length}/${outcomes.length}`;

const humanEval = rowsOf('HumanEval.jsonl.gz');
const solved = humanEval.map((row): Judged => ({
  problem: readCodeProblem(row, 'HumanEval'),
  program: row.prompt + row.canonical_solution,
}));

/**
 * Measures verdicts per second on correct programs, which are the most expensive because every test runs. Takes the
 * best of three passes. Also measures, interleaved, how many bare interpreters start per second. This is the cost of
 * one process per program without any protection and without running code.
 */
async function measureSpeed(verifier: CodeVerifier): Promise<object> {
  const { interpreter, kind: held } = await verifier.environment();
  const rates: number[] = [];
  const spawnRates: number[] = [];
  for (let pass = 0; pass < 3; pass++) {
    rates.push(solved.length / (await judge(verifier, solved)).seconds);
    spawnRates.push(await measureSpawns(held === 'wasi' ? 'python3' : interpreter));
  }
  const [best, bestSpawn] = [Math.max(...rates), Math.max(...spawnRates)];
  return {
    runsPerSecond: Math.round(best),
    passes: rates.map(Math.round),
    bareInterpretersPerSecond: Math.round(bestSpawn),
    ratio: Math.round((10 * best) / bestSpawn) / 10,
  };
}

async function measureSpawns(interpreter: string): Promise<number> {
  const [count, start] = [30, performance.now()];
  const lane = async (): Promise<void> => {
    for (let i = 0; i < count; i++) await promisify(execFile)(interpreter, ['-I', '-c', 'pass']);
  };
  await Promise.all(Array.from({ length: Number(flags.lanes) }, lane));
  return (1000 * count * Number(flags.lanes)) / (performance.now() - start);
}

async function judgeReferences(verifier: CodeVerifier): Promise<object> {
  const mbpp = rowsOf('mbpp.jsonl.gz').map((row): Judged => ({
    problem: readCodeProblem(row, 'mbpp'),
    program: row.code,
  }));
  const [first, second] = [await judge(verifier, solved), await judge(verifier, mbpp)];
  return { humanEval: share(first.outcomes), mbpp: share(second.outcomes) };
}

/** Removes the text that a base model writes after the function: everything from the next unindented statement. */
function firstFunction(sample: string): string {
  const next = sample.search(/\n(?=[^\s#])/);
  return next < 0 ? sample : sample.slice(0, next);
}

/**
 * Finds the problem of a prompt: samples are unordered, and their prompts lack the examples. Six function names occur
 * in two problems each, so the longest common prefix decides.
 */
function problemAsked(prompt: string): { problem: Problem; prompt: string } {
  const name = [...prompt.matchAll(/^def\s+(\w+)/gm)].at(-1)?.[1];
  let [best, longest] = [-1, -1];
  for (const [at, row] of humanEval.entries()) {
    const shared = row['entry_point'] === name ? commonBeginning(row.prompt, prompt) : -1;
    if (shared > longest) [best, longest] = [at, shared];
  }
  if (best < 0)
    throw new DataError(`expected a HumanEval function at the end of the prompt, got ${String(name)}`);
  return { problem: solved[best]!.problem, prompt: humanEval[best]!.prompt };
}

function commonBeginning(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

async function judgeSamples(verifier: CodeVerifier): Promise<object> {
  const rng = createRng(Number(flags.seed), 'bench', 'code');
  const rows = rng
    .shuffle(rowsOf('codet_humaneval_codegen16b_samples.jsonl.gz'))
    .slice(0, Number(flags.problems));
  const counts: { right: number; of: number }[] = [];
  const tally: Record<string, number> = {};
  const start = performance.now();
  for (const row of rows) {
    const { problem, prompt } = problemAsked(row.prompt);
    const list = row.samples.map((sample): Judged => ({
      problem,
      program: `${prompt}${firstFunction(sample)}`,
    }));
    const { outcomes } = await judge(verifier, list);
    for (const outcome of outcomes) tally[outcome] = (tally[outcome] ?? 0) + 1;
    counts.push({ right: outcomes.filter((outcome) => outcome === 'correct').length, of: outcomes.length });
    if (counts.length % 20 === 0)
      console.error(JSON.stringify({ problems: counts.length, ...passAt(counts) }));
  }
  return {
    problems: counts.length,
    programs: tally,
    ...passAt(counts),
    seconds: Math.round((performance.now() - start) / 1000),
  };
}

/** Returns pass@1, @10 and @100, each with its 95 % interval over the problems. */
function passAt(counts: readonly { readonly right: number; readonly of: number }[]): object {
  const estimates = [1, 10, 100].map((k) => {
    const values = counts.map(({ right, of }) => passAtK(of, right, k));
    const { mean, low, high } = bootstrapMean(values, { seed: Number(flags.seed) });
    return [`passAt${k}`, [mean, low, high].map(round)] as const;
  });
  return Object.fromEntries(estimates);
}

const round = (value: number): number => Math.round(value * 10_000) / 10_000;

/** Returns pass@k (Chen et al. 2021, eq. 1), computed as a product. */
function passAtK(n: number, right: number, k: number): number {
  let missed = 1;
  for (let i = 0; i < k; i++) missed *= Math.max(0, n - right - i) / (n - i);
  return 1 - missed;
}

const kind = (['auto', ...pythonKinds] as const).find((one) => one === flags.kind) ?? 'auto';
await using verifier = openCode(code({ sandbox: pythonSandbox({ lanes: Number(flags.lanes), kind }) }));
const sections = flags.sections.split(',');
const summary = {
  sandbox: (await verifier.environment()).kind,
  lanes: Number(flags.lanes),
  ...(sections.includes('speed') ? { speed: await measureSpeed(verifier) } : {}),
  ...(sections.includes('references') ? { references: await judgeReferences(verifier) } : {}),
  ...(sections.includes('samples') ? { samples: await judgeSamples(verifier) } : {}),
};
for (const [name, value] of Object.entries(summary))
  console.log(`${name.padEnd(12)} ${JSON.stringify(value)}`);
console.log(JSON.stringify(summary));
