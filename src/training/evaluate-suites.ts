import { evaluate } from '../evaluation/evaluate.ts';
import { type SuiteConfig, suiteSeed } from '../recipe/suite.ts';
import type { TrainingContext } from './training-context.ts';
import { flagsOf } from '../verifiers/suspicions.ts';

/**
 * Evaluates the suites that are due and records the results. A suite always uses the same random numbers, so two
 * evaluations in a run differ only in the policy.
 */
export async function evaluateSuites(
  context: TrainingContext,
  step: number,
  isDue: (suite: SuiteConfig) => boolean,
): Promise<void> {
  const { run, report, recipe, signal } = context;
  for (const { config, problems, sources } of context.suites.filter((suite) => isDue(suite.config))) {
    const { name } = config;
    const evaluation = await evaluate({
      ...context,
      problems,
      suite: config,
      ...(sources === undefined ? {} : { sources }),
      seed: suiteSeed(recipe, config),
      baseDir: recipe.baseDir,
      onSampled: (groups) =>
        run.recordRollouts({
          step,
          stage: name,
          purpose: 'evaluate',
          groups: groups.map((group) => ({ group, flags: flagsOf(group) })),
        }),
      onProgress: (done, total) => report({ type: 'evaluate', suite: name, done, total }),
      ...(signal === undefined ? {} : { signal }),
    });
    await run.recordEvaluation({ step, name, result: evaluation });
    report({ type: 'evaluated', step, evaluation });
  }
}
