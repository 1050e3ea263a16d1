import type { ModelConfig } from '../../model-files/model-config.ts';
import type { ProgramCache } from '../graph/program-cache.ts';
import { parameterLayout, tensorViews } from '../parameters.ts';
import { gradientPrefix, gradientProgram, logprobProgram, topProgram } from './gradient-program.ts';
import { lossKind, lossScalars } from './loss-graph.ts';
import type { Pass } from './pass.ts';

/** Creates a pass that runs each microbatch as one program, which keeps every activation for the backward pass. */
export function createWholePass(config: ModelConfig, programs: ProgramCache): Pass {
  const layout = parameterLayout(config);
  return {
    logprobs: async ({ weights, shape, feeds, temperature }) => {
      const ready = await programs.open(`logprobs ${shape.rows}×${shape.positions}`, () =>
        logprobProgram(config, shape),
      );
      const inverseTemperature = Float32Array.of(1 / temperature);
      const outputs = await ready.run({ ...feeds, inverseTemperature, ...tensorViews(layout, weights) });
      return outputs['logprobs']!;
    },
    top: async ({ weights, shape, feeds, count }) => {
      const ready = await programs.open(`top ${count} ${shape.rows}×${shape.positions}`, () =>
        topProgram(config, shape, count),
      );
      const inverseTemperature = Float32Array.of(1);
      const outputs = await ready.run({ ...feeds, inverseTemperature, ...tensorViews(layout, weights) });
      return outputs['top']!;
    },
    gradient: async ({ weights, shape, feeds, spec, gradient }) => {
      const key = `${lossKind(spec)} ${shape.rows}×${shape.positions}`;
      const ready = await programs.open(key, () => gradientProgram(config, shape, spec));
      const into = tensorViews(layout, gradient, gradientPrefix);
      const outputs = await ready.run(
        { ...feeds, ...lossScalars(spec), ...tensorViews(layout, weights) },
        into,
      );
      return Object.fromEntries(Object.entries(outputs).filter(([name]) => !(name in into)));
    },
  };
}
