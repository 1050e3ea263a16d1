/**
 * `npm run bench:plan [-- --forecast | --memory | --runs]`: compares forecasts of `gradus plan` with actual figures.
 * Memory: forecasts the embedded engine's memory (`--forecast` ends there), then measures the peak of a process that
 * samples and learns for two steps, minus that of the empty runtime. Runs: tokens and time of small recipes, measured,
 * planned with `--calibrate`, and trained. The last line is JSON. Time measurements need a quiet machine.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { PlanComparison } from '../src/planning/compare-plan.ts';
import { forecastOf, type MemoryPoint } from './plan/forecast.ts';

const isSet = { type: 'boolean' } as const;
const { values: only } = parseArgs({ options: { forecast: isSet, memory: isSet, runs: isSet } });
const folder = mkdtempSync(join(tmpdir(), 'gradus-bench-plan-'));

/** Runs a `gradus` command; returns its last line of JSON. */
function gradus(...words: string[]): unknown {
  const args = [resolve('bin/gradus.mjs'), '--json', ...words];
  const output = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 28 });
  return JSON.parse(output.trim().split('\n').at(-1)!);
}

/** 24 settings: sizes, answers, tokens of an answer, and lanes with their budget. */
const memoryPoints = (['0.3M', '1M', '5M'] as const).flatMap((size) =>
  [8, 32].flatMap((rows) =>
    [24, 96].flatMap((maxTokens) =>
      (
        [
          [1, '512MiB'],
          [2, '2GiB'],
        ] as const
      ).map(
        ([lanes, memoryBudget]) =>
          ({ model: join(folder, size), rows, maxTokens, lanes, memoryBudget }) satisfies MemoryPoint,
      ),
    ),
  ),
);

async function memoryRows(): Promise<object[]> {
  const script = fileURLToPath(new URL('plan/point.ts', import.meta.url));
  const models = new Set(memoryPoints.map(({ model }) => model));
  for (const model of models)
    gradus('init-model', model, '--size', basename(model), '--tokenizer-from', resolve('docs/cli.md'));
  console.log('model  answers  tokens  lanes  budget  forecast MB  measured MB  forecast / measured');
  const rows: object[] = [];
  for (const point of memoryPoints) {
    const forecast = await forecastOf(point);
    const args = ['-C', 'development', script, JSON.stringify(point)];
    const measured = only.forecast === true ? undefined : Number(execFileSync(process.execPath, args));
    const { model, rows: answers, maxTokens, lanes, memoryBudget } = point;
    const words = [basename(model), answers, maxTokens, lanes, memoryBudget, (forecast / 1e6).toFixed(0)];
    const compared =
      measured === undefined ? [] : [(measured / 1e6).toFixed(0), (forecast / measured).toFixed(2)];
    console.log([...words, ...compared].join('  '));
    rows.push({ ...point, model: basename(model), forecast, measured });
  }
  return rows;
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
  const memory = only.runs === true ? [] : await memoryRows();
  const runs = only.memory === true || only.forecast === true ? [] : runRows();
  console.log(JSON.stringify({ memory, runs }));
} finally {
  rmSync(folder, { recursive: true });
}
