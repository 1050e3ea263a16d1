import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashKey } from '../../src/core/rng.ts';
import { openPassRateStore } from '../../src/difficulty/pass-rates/sqlite-store.ts';
import { startGradus, tinyRecipe, writeRows } from './gradus.ts';
import {
  type Dialect,
  type Exchanged,
  isRight,
  startHostileServer,
  type Stated,
} from './hostile-model-server.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';

/** Result of a measurement through a hostile server, with kills. */
export interface ProbeReport {
  readonly probes: number;
  readonly requests: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Number of SIGKILLs that hit a running measurement. */
  readonly kills: number;
  /** Attempts without a row in the store at the end. */
  readonly lost: number;
  /** Surplus rows: more than one per attempt. */
  readonly doubled: number;
  /** Rows whose outcome is not the server's answer to that attempt. */
  readonly mistaken: number;
  /** Attempts requested again although the store had them when the process was killed. */
  readonly askedAgainThoughStored: number;
  /** Attempts answered more than once: in flight, or not yet judged, at a kill or a deadline. */
  readonly answeredTwice: number;
  /** Usage that the server reported. */
  readonly stated: Stated;
  /** Usage in the store. A killed process loses the usage of answers that were not yet judged. */
  readonly spent: Stated;
  readonly seconds: number;
}

/** Size of a measurement, and its faults. */
export interface ProbeOptions {
  readonly problems: number;
  readonly rollouts: number;
  readonly kills: number;
  readonly way: AskingWay;
  /** Deadline of a request; a short deadline turns slow answers into further faults. */
  readonly timeoutSeconds?: number;
}

/** Settings of the engine, and the server's dialect of usage. */
export interface AskingWay {
  readonly engine: Readonly<Record<string, unknown>>;
  readonly dialect?: Dialect;
}

const tokens = { api: 'completions', tokenizer: resolve('models/gradus-tiny') };

/** API variants, for the bench and its test. */
export const askingWays: Readonly<Record<string, AskingWay>> = {
  chat: { engine: { api: 'chat' } },
  'chat, n = 4': { engine: { api: 'chat', choicesPerRequest: 4 } },
  'chat, streamed': { engine: { api: 'chat', stream: true } },
  'chat, n = 4, streamed': { engine: { api: 'chat', choicesPerRequest: 4, stream: true } },
  'text, n = 4': { engine: { api: 'completions', choicesPerRequest: 4 } },
  'tokens, streamed, vLLM': { engine: { ...tokens, stream: true }, dialect: 'vllm' },
  'tokens, n = 4, streamed, vLLM': {
    engine: { ...tokens, choicesPerRequest: 4, stream: true },
    dialect: 'vllm',
  },
  'chat, n = 4, streamed, llama.cpp': {
    engine: { api: 'chat', choicesPerRequest: 4, stream: true },
    dialect: 'llama.cpp',
  },
  // The server reports the usage of only one choice, so attempts are requested one by one.
  'chat, one by one, llama.cpp': { engine: { api: 'chat', choicesPerRequest: 4 }, dialect: 'llama.cpp' },
};

/** An attempt; `name` identifies it in the counts. */
interface Wanted {
  readonly id: string;
  readonly index: number;
  readonly name: string;
}

/**
 * Measures `problems` × `rollouts` attempts by the real command, kills it each time the server has sent another `1 /
 * (kills + 1)` of the attempts, and compares the store with the server's record.
 */
export async function probeUnderFaults(options: ProbeOptions): Promise<ProbeReport> {
  const started = performance.now();
  const folder = makeFastFolder('probes');
  await using server = await startHostileServer(0.2, 1, options.way.dialect);
  const attempts = writeWorkplace(folder, server.baseUrl, options);
  const file = join(folder, 'difficulty.sqlite');
  const firstOf = new Map(attempts.map(({ id, index }) => [seedOf(id, index), { id, index }]));
  const asked = (): Map<string, number> => countByAttempt(server.asked, firstOf);
  const begin = () => startGradus(folder, ['difficulty', 'estimate', 'recipe.json', '--json']);
  let [askedAgain, kills] = [0, 0];
  let frozen = new Map<string, number>();
  const countAskedAgain = (): void => {
    const now = asked();
    for (const [name, before] of frozen) askedAgain += now.get(name)! - before;
  };
  for (let kill = 1; kill <= options.kills; kill++) {
    const { child, ended } = begin();
    const enough = (attempts.length * kill) / (options.kills + 1);
    while (child.exitCode === null && choicesIn(server.sent) < enough) await sleep(2);
    if (child.kill('SIGKILL')) kills++;
    await ended;
    // Requests in flight still reach the server.
    await sleep(50);
    countAskedAgain();
    const [stored, now] = [storedMarks(file), asked()];
    frozen = new Map(attempts.filter(isIn(stored)).map(({ name }) => [name, now.get(name)!]));
  }
  const last = await begin().ended;
  if (last.code !== 0) throw new Error(`the last run failed: ${last.stderr}`);
  countAskedAgain();
  const stored = storedMarks(file);
  const spent = storedUsage(file);
  rmSync(folder, { recursive: true });
  return {
    ...compare(attempts, stored, outcomesTold(server.sent, firstOf)),
    requests: server.asked.length,
    faults: Object.fromEntries(server.faults),
    kills,
    askedAgainThoughStored: askedAgain,
    answeredTwice: [...countByAttempt(server.sent, firstOf).values()].filter((times) => times > 1).length,
    stated: server.stated(),
    spent,
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

/** Writes problems and a recipe for the command; returns the expected attempts. */
function writeWorkplace(
  folder: string,
  baseUrl: string,
  { problems, rollouts, way, timeoutSeconds = way.engine['stream'] === true ? 5 : 0.5 }: ProbeOptions,
): Wanted[] {
  const ids = Array.from({ length: problems }, (_, i) => `p${i}`);
  writeRows(
    join(folder, 'problems.jsonl'),
    ids.map((id) => ({ id, prompt: id, answer: '1' })),
  );
  const limits = { timeoutSeconds, idleSeconds: Math.min(timeoutSeconds, 0.5), maxAttempts: 30 };
  const engine = { type: 'openai', baseUrl, ...limits, ...way.engine };
  const recipe = tinyRecipe({
    policy: { model: 'hostile', engine },
    difficulty: { type: 'pass-rate', rollouts, maxTokens: 6 },
  });
  writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe));
  return ids.flatMap((id) =>
    Array.from({ length: rollouts }, (_, index) => ({ id, index, name: `${id}#${index}` })),
  );
}

type Marks = ReadonlyMap<string, ReadonlyMap<number, string>>;

const isIn =
  (stored: Marks) =>
  ({ id, index }: Wanted): boolean =>
    stored.get(id)?.has(index) === true;

const choicesIn = (exchanged: readonly Exchanged[]): number =>
  exchanged.reduce((sum, { choices }) => sum + choices, 0);

/** Compares the store with the expected attempts and with the server's answers. */
function compare(
  attempts: readonly Wanted[],
  stored: Marks,
  told: ReadonlyMap<string, ReadonlySet<string>>,
): Pick<ProbeReport, 'probes' | 'lost' | 'doubled' | 'mistaken'> {
  const found = attempts.filter(isIn(stored));
  const rows = [...stored.values()].reduce((sum, marks) => sum + marks.size, 0);
  const isTold = ({ id, index, name }: Wanted): boolean =>
    told.get(name)?.has(stored.get(id)!.get(index)!) === true;
  return {
    probes: attempts.length,
    lost: attempts.length - found.length,
    doubled: rows - found.length,
    mistaken: found.filter((one) => !isTold(one)).length,
  };
}

/** Returns the seed of an attempt's request: recipe seed 0, measured as the base model. */
const seedOf = (id: string, index: number): number =>
  hashKey(hashKey(0, 'measure', 'base', 0), id, index) & 0x7fffffff;

/** Maps a request's seed to its first attempt. */
type FirstOf = ReadonlyMap<number, { readonly id: string; readonly index: number }>;

/** Returns the attempts of a request, starting with the attempt of its seed; empty for requests that probe the
 * server. */
function attemptsOf({ seed, choices }: Exchanged, firstOf: FirstOf): string[] {
  const first = firstOf.get(seed);
  if (first === undefined) return [];
  return Array.from({ length: choices }, (_, choice) => `${first.id}#${first.index + choice}`);
}

function countByAttempt(exchanged: readonly Exchanged[], firstOf: FirstOf): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of exchanged)
    for (const name of attemptsOf(one, firstOf)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Returns the outcomes that the server sent for each attempt: one, unless the attempt's second request contained other
 * attempts. */
function outcomesTold(sent: readonly Exchanged[], firstOf: FirstOf): Map<string, Set<string>> {
  const told = new Map<string, Set<string>>();
  for (const one of sent) {
    for (const [choice, name] of attemptsOf(one, firstOf).entries()) {
      const marks = told.get(name) ?? new Set();
      told.set(name, marks.add(isRight(one.prompt, one.seed, choice) ? '1' : '0'));
    }
  }
  return told;
}

/** Returns the usage of all commands, from the store. */
function storedUsage(file: string): Stated {
  using store = openPassRateStore(file);
  const [conditions] = store.conditions();
  const { requests, promptTokens, completionTokens } = store.spending(conditions!.model);
  return { requests, promptTokens, completionTokens };
}

/** Returns the mark of each rollout, by problem and rollout index. */
function storedMarks(file: string): Map<string, Map<number, string>> {
  using store = openPassRateStore(file);
  const [conditions] = store.conditions();
  if (conditions === undefined) return new Map();
  return new Map(
    Array.from(store.passRates(conditions), ([id, { rollouts, marks }]) => [
      id,
      new Map(rollouts.map((rollout, i) => [rollout, marks[i]!])),
    ]),
  );
}
