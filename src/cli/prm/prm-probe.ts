import type { OptimizerConfig } from '../../algorithms/optimizer.ts';
import { ConfigError } from '../../core/errors.ts';
import { hashKey } from '../../core/rng.ts';
import type { LearningEngine } from '../../engines/engine.ts';
import { chooseEngine, locateModel, openModel } from '../../models/open-model.ts';
import { loadById } from '../../problems/load-problems.ts';
import { readRunRecipe } from '../../recipe/read-run-recipe.ts';
import { requireTrust } from '../../recipe/trust.ts';
import { commitsOf, readDataFile } from '../../runs/files/data-file.ts';
import type { LabelTokens } from '../../scorers/scorer-labels.ts';
import { type Probes, probeValues } from '../../scorers/training/probe-values.ts';
import type { ScorerData } from '../../scorers/training/run-attempts.ts';
import { scoreAttempts } from '../../scorers/training/scorer-quality.ts';
import { trainScorer } from '../../scorers/training/train-scorer.ts';
import { openVerifiers } from '../../verifiers/open-verifiers.ts';
import type { EngineFlags, TrustFlags } from '../options.ts';

/** Flags for probing. */
export interface ProbeFlags extends EngineFlags, TrustFlags {
  /** Continuations per prefix; 0: none. */
  readonly probe: number;
  /** Maximum number of prefixes. */
  readonly prefixes: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** Describes how many prefixes were probed, and how many of them are uncertain. */
export const describeProbes = ({ prefixes, continuations, mixed }: Omit<Probes, 'rows'>): string =>
  `${prefixes} prefixes with ${continuations} continuations; ${mixed} have right and wrong ones`;

/** Attempts scored per probed prefix, to find the uncertain ones. */
const candidatesPerPrefix = 4;
/** Factor applied to the learning rate for probes, because the scorer is already trained. */
const rateAfterProbes = 0.3;

/**
 * Probes the training attempts of a run with its policy where the scorer is most uncertain, and trains the scorer on the
 * results.
 *
 * @throws ConfigError for a source that is not a training run.
 */
export async function learnFromProbes(
  run: string,
  scorer: {
    readonly engine: LearningEngine;
    readonly labels: LabelTokens;
    readonly optimizer: OptimizerConfig;
  },
  { train }: ScorerData,
  { probe, prefixes, epochs, batchSize, seed, ...flags }: ProbeFlags,
  signal: AbortSignal,
): Promise<Omit<Probes, 'rows'>> {
  const policy = await locateModel(run, { trust: flags.trust });
  const sampling = policy.recipe?.sampling;
  if (sampling === undefined)
    throw new ConfigError(
      `--probe: expected a training run, whose policy continues its rollouts, got ${run}`,
      {
        tryNext: 'the same command without --probe',
      },
    );
  const stored = await readRunRecipe(run);
  await requireTrust(run, stored, ['verifiers'], { trust: flags.trust });
  const { recipe } = stored;
  await using opened = new AsyncDisposableStack();
  const { sampler, renderer } = opened.use(await openModel(policy, chooseEngine(policy, flags)));
  if (renderer === undefined)
    throw new ConfigError(
      `--probe: expected an engine that continues from tokens, got "${sampler.info.engine}"`,
    );
  const problems = await loadById(recipe, { commits: commitsOf(await readDataFile(run)), isOffline: true });
  const verifierFor = openVerifiers(recipe, opened);
  const { engine, labels, optimizer } = scorer;
  const candidates = train
    .map((attempt, at) => ({ attempt, key: hashKey(seed, 'probed attempt', at) }))
    .toSorted((a, b) => a.key - b.key)
    .slice(0, candidatesPerPrefix * prefixes)
    .map(({ attempt }) => attempt);
  const window = engine.sampler.info.maxSequenceTokens;
  const scored = await scoreAttempts(engine.weights, labels, candidates, window);
  const { maxTokens, temperature } = sampling;
  const options = { prefixes, continuations: probe, maxTokens, temperature, seed, signal };
  const { rows, ...counts } = await probeValues(
    { engine: { sampler, renderer }, verifierFor, problems },
    scored,
    options,
  );
  if (rows.length > 0) {
    const slower = { ...optimizer, learningRate: rateAfterProbes * optimizer.learningRate };
    await trainScorer(engine, rows, labels, { optimizer: slower, epochs, batchSize, seed, signal });
  }
  return counts;
}
