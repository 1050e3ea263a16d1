import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

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

/** Parses the JSON lines of a command's output. */
export const jsonLines = ({ stdout }: Ended): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Creates a folder with a tiny random Qwen2 model in `model/`. */
export function makeWorkplace(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `gradus-${name}-`));
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

/** A recipe that trains for seconds; `overrides` replace whole fields. */
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
