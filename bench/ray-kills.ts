/**
 * `npm run bench:ray-kills -- [--learn 10] [--sample 10] [--head 3] [--seed 1] [--minutes 600]`: kills nodes of a Ray cluster on
 * loopback, and the process that Gradus starts on it, at random moments while two ranks train. Each step must give the
 * same bits as in a run without kills. Needs worker/requirements-cluster.txt in the Python of the worker; Linux only.
 *
 *   --learn   kills of a node while a batch is learnt
 *   --sample  kills of a node while completions are written
 *   --head    kills of the worker process, the head of the ranks
 *   --minutes time after which no kill begins; fewer kills than requested may then have been made
 *
 * Prints a row per kill: the time until the worker has ended, the time until the interrupted work is done, and whether
 * the step has the digest of the run without kills. The last line is JSON. Exit code 1 if a digest differs or a process
 * is left.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createRng } from '../src/core/rng.ts';
import type { LearningEngine } from '../src/engines/engine.ts';
import { openTorchEngine } from '../src/engines/torch/engine.ts';
import { findPython } from '../src/engines/torch/python.ts';
import { startCluster } from './ray-kills/cluster.ts';
import { type During, type Phase, train } from './ray-kills/work.ts';

type Kind = 'learn' | 'sample' | 'head';

interface Kill {
  readonly kind: Kind;
  readonly step: number;
  readonly seenSeconds: number;
  readonly doneSeconds: number;
}

const { values } = parseArgs({
  options: {
    learn: { type: 'string', default: '10' },
    sample: { type: 'string', default: '10' },
    head: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '600' },
  },
});
const counts = { learn: Number(values.learn), sample: Number(values.sample), head: Number(values.head) };
const rng = createRng(Number(values.seed));
const kinds = rng.shuffle(
  (Object.keys(counts) as Kind[]).flatMap((kind) => Array.from({ length: counts[kind] }, () => kind)),
);
const isTimeUp = (): boolean => performance.now() > Number(values.minutes) * 60_000;
/** Number of steps. A kill may come after its phase has ended and is then repeated in the next step. */
const steps = Math.ceil(kinds.length * 1.2) + 1;

const folder = mkdtempSync(join(tmpdir(), 'ray-kills-'));
const cluster = await startCluster(findPython(), Number(values.seed));
Object.assign(process.env, cluster.environment);

/** Mean duration of a phase without kills, ms. */
const calmMs = { sample: 0, learn: 0 };
const kills: Kill[] = [];
const heads = new Set<number>();

const open = (): Promise<LearningEngine> =>
  openTorchEngine({
    model: 'models/gradus-tiny',
    device: 'cpu',
    tokensPerMicrobatch: 512,
    ranks: 2,
    cluster: { address: cluster.address },
    scratch: folder,
    notify: (message) => console.error(message.split('\n').join('\n  ')),
  });

const measure: During = async (phase, _step, work) => {
  const began = performance.now();
  await work;
  calmMs[phase] += (performance.now() - began) / steps;
};

/** Returns the descendant of this process that is the head. */
function headPid(): number | undefined {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ');
  const isHead = (pid: string): boolean => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\0--ray\0');
  return children
    .filter((pid) => pid !== '')
    .filter(isHead)
    .map(Number)[0];
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const disturb: During = async (phase, step, work) => {
  const kind = kinds[kills.length];
  const wanted: Phase | undefined = kind === 'head' ? (kills.length % 2 === 0 ? 'learn' : 'sample') : kind;
  if (kind === undefined || wanted !== phase || isTimeUp()) return;
  let isOver = false;
  void work.finally(() => (isOver = true)).catch(() => {});
  await wait(rng.next() * 0.8 * calmMs[phase]);
  const head = headPid();
  if (isOver || head === undefined) return;
  heads.add(head);
  const began = performance.now();
  const replacing = kind === 'head' ? (process.kill(head, 'SIGKILL'), undefined) : cluster.kill();
  while (isRunning(head)) await wait(10);
  const seenSeconds = (performance.now() - began) / 1000;
  await replacing;
  if (kind !== 'head') await cluster.add();
  await work;
  kills.push({ kind, step, seenSeconds, doneSeconds: (performance.now() - began) / 1000 });
  console.error(JSON.stringify(kills.at(-1)));
  const found = await cluster.ranks();
  if (found !== 2) throw new Error(`expected 2 processes of ranks, found ${found}`);
};

let calm: string[] = [];

async function run(engine: LearningEngine, during: During, name: string): Promise<string[]> {
  const digests: string[] = [];
  for await (const digest of train(engine, steps, join(folder, name), during)) {
    digests.push(digest);
    const [step, expected] = [digests.length, calm[digests.length - 1]];
    const like = expected === undefined ? '' : `, equal: ${digest === expected}`;
    console.error(`${name}: step ${step} of ${steps}, ${kills.length} kills${like}`);
  }
  return digests;
}

let left: readonly string[] = [];
let rough: string[] = [];
try {
  await using engine = await open();
  const start = join(folder, 'start');
  await engine.learner.saveState(start);
  calm = await run(engine, measure, 'calm');
  await engine.learner.loadState(start);
  rough = await run(engine, disturb, 'rough');
} finally {
  left = await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
const rows = kills.map((kill) => ({ ...kill, equal: calm[kill.step] === rough[kill.step] }));
console.table(
  rows.map((row) => ({
    ...row,
    seenSeconds: row.seenSeconds.toFixed(2),
    doneSeconds: row.doneSeconds.toFixed(1),
  })),
);
const isEqual = calm.length === steps && calm.every((digest, step) => digest === rough[step]);
console.log(JSON.stringify({ counts, kills: rows, isEqual, left, headsLeft: [...heads].filter(isRunning) }));
process.exitCode = isEqual && left.length === 0 ? 0 : 1;
