import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GradusError } from '../../src/core/errors.ts';
import { readCurves } from '../../src/evaluation/learning-curve.ts';
import type { Recipe } from '../../src/recipe/recipe.ts';
import { openRunReader, type RunReader } from '../../src/runs/reading/run-reader.ts';
import { mean, sum } from '../../src/statistics/summary.ts';
import { startTraining } from '../../src/training/start.ts';
import type { Arm } from './arm.ts';
import type { Result } from './results.ts';
import { rolloutCost } from './recipe.ts';
import type { Row } from './rows.ts';

/** Trains one arm of a row until its budget is spent, and deletes the run. @param folder parent folder of the run. */
export async function runArm(
  row: Row,
  arm: Arm,
  recipe: Recipe,
  folder: string,
): Promise<Omit<Result, 'row' | 'arm' | 'seed' | 'config'>> {
  const started = performance.now();
  const directory = await trainToBudget(recipe, row.budget, folder);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  using reader = await openRunReader(directory);
  const { values: dead } = reader.metric('group/zeroAdvantage');
  const [noise, signal] = [reader.metric('gradient/noise').values, reader.metric('gradient/signal').values];
  const points = readCurves(reader).get('held-out')!;
  await rm(directory, { recursive: true });
  return {
    live: rounded(1 - mean(dead)),
    liveByStep: Array.from(dead, (share) => rounded(1 - share)),
    contrastByStep: contrasts(reader, dead.length),
    cells: signalByCell(reader, dead.length),
    gradient: Array.from(noise, (value, i) => ({ noise: brief(value), signal: brief(signal[i]!) })),
    steps: dead.length,
    seconds,
    points: points.map(({ trained, rollouts, tokens, overall, byDomain }) => ({
      rollouts: rolloutCost(arm) * (arm.isMeasuringFree === true ? trained : rollouts),
      tokens,
      accuracy: rounded(overall),
      ...(row.isMixed && {
        byDomain: Object.fromEntries(Object.entries(byDomain).map(([name, rate]) => [name, rounded(rate)])),
      }),
    })),
  };
}

/**
 * Trains until the recipe ends or an evaluation finds that the budget is spent: with refills, fewer steps than planned
 * spend it.
 */
async function trainToBudget(recipe: Recipe, budget: number, folder: string): Promise<string> {
  const spent = new AbortController();
  let trained = 0;
  let directory = '';
  try {
    return await startTraining(recipe, folder, {
      signal: spent.signal,
      report: (event) => {
        if (event.type === 'run-start') directory = resolve(event.run);
        if (event.type === 'step') trained += event.metrics['rollout/count']!;
        const { stages } = recipe;
        const isRefilled = stages.some((stage) => stage.type === 'stage' && stage.gates.length > 0);
        if (isRefilled && event.type === 'evaluated' && trained >= budget) spent.abort();
      },
    });
  } catch (error) {
    if (GradusError.isInstance(error) && error.code === 'INTERRUPTED') return directory;
    throw error;
  }
}

/** Returns, for each step, the mean of √(4p(1 − p)) over the groups whose attempts differ. */
function contrasts(reader: RunReader, steps: number): number[] {
  const byStep = Map.groupBy(reader.groups({ purpose: 'train' }), ({ step }) => step);
  return Array.from({ length: steps }, (_, i) => {
    const rates = (byStep.get(i + 1) ?? []).map(({ correct, trials }) => correct / Math.max(1, trials));
    const mixed = rates.filter((rate) => rate > 0 && rate < 1);
    return mixed.length === 0 ? 0 : rounded(mean(mixed.map((rate) => Math.sqrt(4 * rate * (1 - rate)))));
  });
}

/** Returns `cells` of a result. */
function signalByCell(reader: RunReader, steps: number): NonNullable<Result['cells']> {
  const groups = reader.groups({ purpose: 'train' });
  const byCell = Map.groupBy(groups, ({ family, knob }) => `${family}/${knob}`);
  const sixth = (step: number): number => Math.floor((6 * (step - 1)) / steps);
  return Object.fromEntries(
    Array.from(byCell, ([cell, ofCell]) => [
      cell,
      Array.from({ length: 6 }, (_, i): [number, number, number] => {
        const rates = ofCell
          .filter(({ step }) => sixth(step) === i)
          .map(({ correct, trials }) => correct / Math.max(1, trials));
        const signals = rates.map((rate) => 4 * rate * (1 - rate)).filter((signal) => signal > 0);
        return [rates.length, signals.length, rounded(sum(signals))];
      }),
    ]),
  );
}

const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;
const brief = (value: number): number => Number(value.toPrecision(6));
