import { formatPlan } from '../../planning/format-plan.ts';
import { planRun } from '../../planning/plan-run.ts';
import { describeBatches } from '../../recipe/batch-arithmetic.ts';
import { describeStrategies } from '../../recipe/strategy-arithmetic.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { resolvedStages } from '../../recipe/resolve-stage.ts';
import { buildParts } from '../../training/build.ts';
import {
  type PredictedWorth,
  predictFromProbe,
  predictFromStore,
} from '../../training/stage-entry/predict-worth.ts';
import type { TrainingParts } from '../../training/training-context.ts';
import { withInterrupt } from '../interrupt.ts';
import type { Output } from '../output.ts';

/**
 * Builds every part without training, so that it reports every error that starting the run would report. Prints the plan
 * with the expected benefit of staging, estimated from the recipe's pass-rate store or from a probe.
 *
 * @param options.runs folder of earlier runs.
 * @param options.probe number of problems to attempt; absent: no probe.
 */
export async function showPlan(
  recipe: Recipe,
  output: Output,
  { runs, probe }: { readonly runs: string; readonly probe?: number | undefined },
): Promise<void> {
  await using parts = await buildParts(recipe);
  const { info } = parts.engine.sampler;
  const perDomain = [...Map.groupBy(parts.problems, ({ domain }) => domain)].map(
    ([name, all]) => `${all.length} ${name}`,
  );
  const plan = await planRun(parts, runs);
  const predicted = await predict(parts, output, probe);
  const lines = [
    `recipe "${recipe.name}" is valid`,
    `policy: ${info.model}, ${info.architecture}, ${info.parameters} parameters, on ${info.engine} (${info.device})`,
    `problems: ${perDomain.join(', ')}`,
    ...parts.suites.map(
      ({ config, problems }) => `suite ${config.name}: ${problems.length} problems × ${config.rollouts}`,
    ),
    ...parts.suites.flatMap(({ config, problems }) => describeStrategies(config, problems.length)),
    ...parts.warnings.map((warning) => `! ${warning}`),
    ...parts.levels.describe().map((level) => `level ${level}`),
    ...describeBatches(recipe),
    ...worthLines(predicted),
    '',
    formatPlan(plan),
  ];
  const found = { recipe, engine: info, problems: parts.problems.length, plan };
  output.result({ ...found, ...(predicted !== null && { staging: predicted }) }, lines.join('\n'));
}

function predict(
  parts: TrainingParts,
  output: Output,
  probe: number | undefined,
): Promise<PredictedWorth | null> | PredictedWorth | null {
  if (resolvedStages(parts.recipe).length === 0) return null;
  if (probe === undefined) return predictFromStore(parts);
  return withInterrupt((signal) =>
    predictFromProbe(parts, {
      problems: probe,
      signal,
      onProgress: (done, total) => output.progress('probing', done, total),
    }),
  );
}

function worthLines(predicted: PredictedWorth | null): string[] {
  if (predicted === null)
    return ['staging: worth unknown; add --probe to measure it with 8 rollouts for each of 200 problems'];
  const { text, probe } = predicted;
  const number = (count: number): string => count.toLocaleString('en');
  const cost =
    probe === undefined
      ? []
      : [
          `probe: ${number(probe.rollouts)} rollouts of ${probe.problems} problems, ${number(probe.tokens)} tokens written`,
        ];
  return [...cost, ...text];
}
