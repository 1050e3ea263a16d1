/**
 * `npm run bench:plan [-- --memory | --runs]`: compares forecasts of `gradus plan` with actual figures. Memory:
 * compares the embedded engine's forecast for training with the peak of a process that samples and learns for three
 * steps, minus that of the empty runtime. Runs: tokens and time of small recipes, measured, planned with `--calibrate`,
 * and trained. The last line is JSON. Time measurements need a quiet machine.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { PlanComparison } from '../src/planning/compare-plan.ts';

/** A short training: `rows` answers of at most `maxTokens`, within a budget. */
export interface MemoryPoint {
  /** Model folder. */
  readonly model: string;
  readonly rows: number;
  readonly maxTokens: number;
  readonly budget: '512MiB' | '2GiB';
}

/** Bytes beyond the empty runtime. */
export interface MeasuredMemory {
  readonly forecast: number;
  readonly measured: number;
}

const { values: only } = parseArgs({ options: { memory: { type: 'boolean' }, runs: { type: 'boolean' } } });
const folder = mkdtempSync(join(tmpdir(), 'gradus-bench-plan-'));

/** Runs a `gradus` command; returns its last line of JSON. */
function gradus(...words: string[]): unknown {
  const args = [resolve('bin/gradus.mjs'), '--json', ...words];
  const output = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 28 });
  return JSON.parse(output.trim().split('\n').at(-1)!);
}

function memoryRows(): object[] {
  const script = fileURLToPath(new URL('plan/point.ts', import.meta.url));
  const sizes = ['0.3M', '5M', '15M'];
  for (const size of sizes)
    gradus('init-model', size, '--size', size, '--tokenizer-from', resolve('docs/LOG.md'));
  console.log('model  rows  answer  budget  forecast MB  measured MB  forecast / measured');
  return sizes.flatMap((size) =>
    [8, 32].flatMap((rows) =>
      [32, 192].flatMap((maxTokens) =>
        (['512MiB', '2GiB'] as const).map((budget) => {
          const point = { model: join(folder, size), rows, maxTokens, budget } satisfies MemoryPoint;
          const ended = spawnSync(process.execPath, ['-C', 'development', script, JSON.stringify(point)], {
            encoding: 'utf8',
          });
          const last = ended.stdout.trim().split('\n').at(-1)!;
          const found = ended.status === 0 ? (JSON.parse(last) as MeasuredMemory) : undefined;
          const figures =
            found === undefined
              ? ['does not fit', '', '']
              : [
                  (found.forecast / 1e6).toFixed(0),
                  (found.measured / 1e6).toFixed(0),
                  (found.forecast / found.measured).toFixed(2),
                ];
          console.log([size, rows, maxTokens, budget, ...figures].join('  '));
          return { size, rows, maxTokens, budget, ...found };
        }),
      ),
    ),
  );
}

const recipeOf = (families: readonly string[], select: string | undefined) => ({
  name: 'planned',
  policy: { model: resolve('models/gradus-tiny') },
  problems: [{ type: 'generated', families, knobs: [1, 2, 3, 4], perCell: 40, split: 'train' }],
  verifiers: { math: { type: 'math', extraction: 'boxed' } },
  difficulty: { type: 'pass-rate', rollouts: 8, maxTokens: 48, store: 'difficulty.sqlite' },
  levels: [{ type: 'level', name: 'learnable', rule: { type: 'band', excludeMin: true, excludeMax: true } }],
  algorithm: { type: 'grpo' },
  optimizer: { learningRate: 1e-4 },
  sampling: { maxTokens: 48 },
  batch: { problems: 16, groupSize: 8 },
  stages: [{ type: 'stage', name: 'all', maxSteps: 20, ...(select !== undefined && { select }) }],
});

function runRows(): object[] {
  const pairs = [
    ['addition', 'brackets'],
    ['subtraction', 'linear-equation'],
    ['multiplication'],
    ['addition'],
    ['brackets'],
  ];
  console.log('families  select  tokens planned  actual  error %  seconds planned  actual  error %');
  return pairs.flatMap((families) =>
    [undefined, 'learnable'].map((select) => {
      writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipeOf(families, select)));
      gradus('difficulty', 'estimate', 'recipe.json');
      const plan = gradus('plan', 'recipe.json', '--calibrate') as {
        parts: { kind: string; tokens: { expected: number }; seconds: { expected: number } }[];
      };
      const { run } = gradus('train', 'recipe.json') as { run: string };
      const { plan: compared } = gradus('runs', 'show', run) as { plan: PlanComparison[] };
      const { actual } = compared.find(({ part }) => part.kind === 'stage')!;
      const stage = plan.parts.find(({ kind }) => kind === 'stage')!;
      const errorOf = (planned: number, found: number): number => 100 * (planned / found - 1);
      const row = {
        families,
        select,
        tokensError: errorOf(stage.tokens.expected, actual.tokens),
        secondsError: errorOf(stage.seconds.expected, actual.seconds!),
      };
      const figures = [stage.tokens.expected, actual.tokens, row.tokensError];
      const times = [stage.seconds.expected, actual.seconds!, row.secondsError];
      const shown = [...figures.map((one) => one.toFixed(0)), ...times.map((one) => one.toFixed(1))];
      console.log([families.join('+'), select ?? 'all', ...shown].join('  '));
      return row;
    }),
  );
}

try {
  const memory = only.runs === true ? [] : memoryRows();
  const runs = only.memory === true ? [] : runRows();
  console.log(JSON.stringify({ memory, runs }));
} finally {
  rmSync(folder, { recursive: true });
}
