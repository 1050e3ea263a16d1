import { type ChildProcess, fork, spawn } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFastFolder } from '../runs/fast-folder.ts';

/** Exit code and output of a command. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that is still running. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once stdout contains `text`. */
  said(text: string): Promise<void>;
}

/** Starts the real command line in a folder. */
export function startGradus(cwd: string, args: readonly string[], stdin = ''): Running {
  const child = spawn(process.execPath, [resolve('bin/gradus.mjs'), ...args], { cwd });
  const said = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
      for (const listener of listeners) listener();
    });
  }
  child.stdin.on('error', () => {}).end(stdin);
  const ended = new Promise<Ended>((done) => child.on('close', (code) => done({ code, ...said })));
  return {
    child,
    ended,
    said: (text) =>
      new Promise((done, fail) => {
        const look = (): void => void (said.stdout.includes(text) && done());
        listeners.add(look);
        look();
        void ended.then(({ stderr }) => fail(new Error(`ended without printing "${text}": ${stderr}`)));
      }),
  };
}

/** Runs the real command line in a folder to its end. */
export const gradus = (cwd: string, ...args: readonly string[]): Promise<Ended> =>
  startGradus(cwd, args).ended;

/** Commands that run in one process. */
export interface Commands extends Disposable {
  /** Runs a command to its end, after earlier commands have ended. */
  run(...args: readonly string[]): Promise<Ended>;
}

/**
 * Runs commands in a folder without starting a process for each. Modules stay loaded from one command to the next, so
 * use `gradus` where the loading of a module matters, and `startGradus` for signals, standard input and exits.
 */
export function openCommands(cwd: string): Commands {
  const host = fork(resolve('test/e2e/command-host.ts'), {
    cwd,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const died = new Promise<never>((_, fail) =>
    host.once('exit', (code, signal) => fail(new Error(`the commands' process ended: ${signal ?? code}`))),
  );
  died.catch(() => {});
  let last: Promise<unknown> = Promise.resolve();
  const run = async (words: readonly string[]): Promise<Ended> => {
    const reply = new Promise<Ended>((done) => host.once('message', (ended) => done(ended as Ended)));
    host.send(words);
    return Promise.race([reply, died]);
  };
  return {
    run: (...words) => {
      const ended = last.then(() => run(words));
      last = ended.catch(() => {});
      return ended;
    },
    [Symbol.dispose]: () => host.kill(),
  };
}

/** Parses the JSON lines of a command's output. */
export const jsonLines = ({ stdout }: Ended): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Creates a folder with a tiny random Qwen2 model in `model/`. */
export function makeWorkplace(name: string): string {
  const folder = makeFastFolder(name);
  cpSync('test/golden/parity-qwen2', join(folder, 'model'), { recursive: true });
  return folder;
}

/** Writes a JSON Lines file of rows; strings are written unchanged. */
export function writeRows(file: string, rows: readonly (object | string)[]): void {
  writeFileSync(file, rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'));
}

/** Sums with their answers, as problem rows. */
export const sums = [1, 2, 3, 4].map((n) => ({
  id: `sum/${n}`,
  prompt: `1+${n}=?`,
  answer: String(n + 1),
  family: 'addition',
}));

/** Returns a recipe that trains for seconds; `overrides` replace whole fields. */
export const tinyRecipe = (overrides: object = {}): object => ({
  name: 'tiny',
  policy: { model: 'model', engine: { type: 'embedded', lanes: 1, slots: 8 } },
  problems: [{ type: 'jsonl', path: 'problems.jsonl' }],
  verifiers: { math: { type: 'math', extraction: 'boxed' } },
  difficulty: { type: 'pass-rate', rollouts: 4, maxTokens: 6 },
  algorithm: { type: 'grpo' },
  optimizer: { learningRate: 1e-3 },
  sampling: { maxTokens: 6 },
  batch: { problems: 2, groupSize: 2 },
  stages: [{ type: 'stage', name: 'all', maxSteps: 2 }],
  evaluation: [
    { name: 'held-out', maxTokens: 6, rollouts: 2, problems: [{ type: 'jsonl', path: 'problems.jsonl' }] },
  ],
  ...overrides,
});
