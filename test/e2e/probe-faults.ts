import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashKey } from '../../src/core/rng.ts';
import { openPassRateStore } from '../../src/difficulty/sqlite-store.ts';
import { startGradus, tinyRecipe, writeRows } from './gradus.ts';
import { isRight, startHostileServer } from './hostile-model-server.ts';

/** What came of measuring through a hostile server, with kills. */
export interface ProbeReport {
  readonly probes: number;
  readonly requests: number;
  readonly faults: Readonly<Record<string, number>>;
  /** SIGKILLs that hit a running measurement. */
  readonly kills: number;
  /** Attempts without a row in the store at the end. */
  readonly lost: number;
  /** Rows beyond one an attempt. */
  readonly doubled: number;
  /** Rows whose outcome is not what the server answered to that very attempt. */
  readonly mistaken: number;
  /** Attempts asked for again although they were in the store when the process was killed. */
  readonly askedAgainThoughStored: number;
  /** Attempts answered more than once: an answer was under way, or not judged yet, at a kill or a deadline. */
  readonly answeredTwice: number;
  readonly seconds: number;
}

/**
 * Measures `problems` × `rollouts` attempts by the real command, killing it each time the server has answered another
 * `1 / (kills + 1)` of them, and compares the store with what the server says.
 */
export async function probeUnderFaults(
  problems: number,
  rollouts: number,
  kills: number,
): Promise<ProbeReport> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'gradus-probes-'));
  await using server = await startHostileServer(0.2, 1);
  const ids = Array.from({ length: problems }, (_, i) => `p${i}`);
  writeRows(
    join(folder, 'problems.jsonl'),
    ids.map((id) => ({ id, prompt: id, answer: '1' })),
  );
  const engine = { type: 'openai', baseUrl: server.baseUrl, timeoutSeconds: 0.5, maxAttempts: 30 };
  const recipe = tinyRecipe({
    policy: { model: 'hostile', engine },
    difficulty: { type: 'pass-rate', rollouts, maxTokens: 6 },
  });
  writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe));
  const file = join(folder, 'difficulty.sqlite');
  const begin = () => startGradus(folder, ['difficulty', 'estimate', 'recipe.json', '--json']);
  const attempts = ids.flatMap((id) =>
    Array.from({ length: rollouts }, (_, index) => ({ id, index, seed: seedOf(id, index) })),
  );
  const nameOf = ({ id, seed }: { id: string; seed: number }): string => `${id}#${seed}`;
  let askedAgain = 0;
  let done = 0;
  let frozen = new Map<string, number>();
  const countAskedAgain = (): void => {
    for (const [name, before] of frozen) askedAgain += server.asked.get(name)! - before;
  };
  for (let kill = 1; kill <= kills; kill++) {
    const { child, ended } = begin();
    while (child.exitCode === null && server.answered.size < (attempts.length * kill) / (kills + 1))
      await sleep(2);
    if (child.kill('SIGKILL')) done++;
    await ended;
    // Requests that were on their way reach the server yet.
    await sleep(50);
    countAskedAgain();
    const stored = storedMarks(file);
    const inStore = attempts.filter(({ id, index }) => stored.get(id)?.has(index));
    frozen = new Map(inStore.map((attempt) => [nameOf(attempt), server.asked.get(nameOf(attempt))!]));
  }
  const last = await begin().ended;
  if (last.code !== 0) throw new Error(`the last run failed: ${last.stderr}`);
  countAskedAgain();
  const stored = storedMarks(file);
  const rows = [...stored.values()].reduce((sum, marks) => sum + marks.size, 0);
  const found = attempts.filter(({ id, index }) => stored.get(id)?.has(index));
  const mistaken = found.filter(
    ({ id, index, seed }) => stored.get(id)!.get(index) !== (isRight(id, seed) ? '1' : '0'),
  );
  rmSync(folder, { recursive: true });
  const total = (counts: Iterable<number>): number => [...counts].reduce((sum, n) => sum + n, 0);
  return {
    probes: attempts.length,
    requests: total(server.asked.values()),
    faults: Object.fromEntries(server.faults),
    kills: done,
    lost: attempts.length - found.length,
    doubled: rows - found.length,
    mistaken: mistaken.length,
    askedAgainThoughStored: askedAgain,
    answeredTwice: [...server.answered.values()].filter((times) => times > 1).length,
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

/** The seed under which an attempt is asked for: recipe seed 0, measured as the base model. */
const seedOf = (id: string, index: number): number =>
  hashKey(hashKey(0, 'measure', 'base', 0), id, index) & 0x7fffffff;

/** Problem → rollout index → mark. */
function storedMarks(file: string): Map<string, Map<number, string>> {
  using store = openPassRateStore(file);
  const [conditions] = store.conditions();
  if (conditions === undefined) return new Map();
  return new Map(
    Array.from(store.measured(conditions), ([id, { rollouts, marks }]) => [
      id,
      new Map(rollouts.map((rollout, i) => [rollout, marks[i]!])),
    ]),
  );
}
