import { createRun } from '../../src/runs/writing/create-run.ts';
import { shownEvaluation } from '../server/shown-run.ts';

/**
 * Records three seeds each of two recipes, `slow` and `fast`: four steps of 100 rollouts with an evaluation each. After
 * two steps, `fast` is as good as `slow` after four, and it is better at the end.
 */
export async function recordSeeds(root: string): Promise<void> {
  const courses = { slow: [0.25, 0.25, 0.5, 0.5], fast: [0.25, 0.75, 0.75, 0.75] };
  for (const [name, course] of Object.entries(courses)) {
    for (const seed of [1, 2, 3]) {
      await using run = await createRun(root, { name, seed, recipe: { name, seed, sampler: name } });
      for (const [index, accuracy] of course.entries()) {
        const metrics = {
          'rollout/count': 100,
          'rollout/tokens': 1000,
          'reward/mean': accuracy + seed / 100,
        };
        await run.recordStep({ step: index + 1, stage: 'all', metrics });
        await run.recordEvaluation({ step: run.step, name: 'held-out', result: shownEvaluation(accuracy) });
      }
      await run.finish('finished', 'done');
    }
  }
}
