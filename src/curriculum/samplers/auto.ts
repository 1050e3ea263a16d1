import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { RunError } from '../../core/errors.ts';
import { createRng } from '../../core/rng.ts';
import { mergeTrials, noTrials, type Trials } from '../../difficulty/pass-rates/trials.ts';
import { ProgressBrake, progressBrakeState } from './auto/brake.ts';
import { CellMeans, cellMeansState } from './auto/cell-means.ts';
import { type Cells, splitIntoCells } from './cells.ts';
import { estimateMetrics, sharesOfSources, sourceMetrics } from './auto/auto-metrics.ts';
import { ControlGroup, controlGroupState } from './auto/control-group.ts';
import { betaLiveProbability } from './auto/live-probability.ts';
import { type EvidenceClass, OwnEvidence, ownEvidenceState } from './auto/own-evidence.ts';
import { raiseToUniform } from './auto/uniform-floor.ts';
import { Spread, spreadState } from './auto/spread.ts';
import { UniformStream, uniformStreamState } from './auto/uniform-stream.ts';
import { drawWeighted } from './weighted-draw.ts';
import type { PoolProblem, ProblemOutcome, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';
import { Shares } from './shares.ts';

/**
 * Prefers problems whose group is likely to have a signal, judged by earlier training rollouts; needs no measured pass
 * rates. A fixed share of each batch is drawn uniformly, as a control group that measures whether selection helps. If
 * selection does not help, nearly the entire batch is drawn uniformly. docs/algorithms/auto.md has the equations and
 * the sources.
 */
export const autoConfig = z.strictObject({
  type: z.literal('auto'),
  /** Share of each batch that is drawn uniformly. */
  uniformShare: z.number().gt(0).max(1).default(0.2),
  /** Exponent of the live probability: 0 draws uniformly, a large value draws only the best problems. */
  sharpness: z.number().min(0).default(4),
  /** Exponent of the progress brake; 0 disables it. */
  brake: z.number().min(0).default(3),
  /**
   * The weight is divided by a rollout's expected number of tokens to this power: 1 measures cost in tokens, 0 in
   * rollouts.
   */
  tokenCost: z.number().min(0).default(0),
  /** Whether problems of one family and knob, or of one source and level, share evidence. */
  shareEvidence: z.boolean().default(true),
});

/** Creates the sampler's configuration for a recipe, e.g. `stage('all', { sampler: auto(), maxSteps: 200 })`. */
export const auto = noun(autoConfig);

type Config = z.infer<typeof autoConfig>;

const autoState = z.strictObject({
  draws: z.int().min(0),
  owed: z.record(z.string(), z.number()),
  stream: uniformStreamState,
  /** Indices of problems that were drawn uniformly and whose groups have not yet been observed. */
  control: z.array(z.int().min(0)),
  means: cellMeansState,
  own: ownEvidenceState,
  spread: spreadState,
  brake: progressBrakeState,
  formatBrake: progressBrakeState,
  groups: controlGroupState,
  /** Compares draws from well-formatted cells only. */
  wellFormed: controlGroupState,
});

/**
 * Uniform share of a batch while selection does not help; the rest is still selected, to detect when
 * selection helps again.
 */
const fallbackShare = 0.9;
/**
 * Number of groups in the first block that measures how a source's format improves. It is large, because parsed
 * answers are rare at first.
 */
const formatBlock = 60;
/** Minimum live probability, and minimum weight, so that no weight underflows to 0 with a large exponent. */
const [leastLive, leastWeight] = [1e-6, 1e-300];

/** @param groupSize rollouts per group. */
export function createAuto(
  config: Config,
  pool: readonly PoolProblem[],
  seed: number,
  groupSize: number,
): ProblemSampler {
  return new AutoSampler(config, pool, seed, groupSize);
}

class AutoSampler implements ProblemSampler {
  readonly #config: Config;
  readonly #pool: readonly PoolProblem[];
  readonly #seed: number;
  readonly #groupSize: number;
  readonly #cells: Cells;
  readonly #indexOf: ReadonlyMap<string, number>;
  readonly #means: CellMeans;
  readonly #own: OwnEvidence;
  readonly #spread: Spread;
  readonly #brake: ProgressBrake;
  readonly #formatBrake: ProgressBrake;
  readonly #groups: ControlGroup;
  readonly #wellFormed: ControlGroup;
  readonly #stream: UniformStream;
  readonly #shares = new Shares(['uniform', 'selected']);
  readonly #isExcluded: Uint8Array;
  readonly #isMeasured: boolean;
  #control = new Set<number>();
  #draws = 0;

  constructor(config: Config, pool: readonly PoolProblem[], seed: number, groupSize: number) {
    this.#config = config;
    this.#pool = pool;
    this.#seed = seed;
    this.#groupSize = groupSize;
    this.#cells = config.shareEvidence ? splitIntoCells(pool) : oneCell(pool);
    this.#indexOf = new Map(pool.map(({ id }, index) => [id, index]));
    const measured = pool.map((problem) => problem.measured);
    this.#isMeasured = measured.some(({ trials }) => trials > 0);
    this.#means = new CellMeans(sumByCell(measured, this.#cells));
    this.#own = new OwnEvidence(this.#cells.cellOf, measured);
    this.#spread = new Spread(this.#cells.sourceOf, this.#cells.sources.length);
    this.#brake = new ProgressBrake(this.#cells.sources.length);
    this.#formatBrake = new ProgressBrake(this.#cells.sources.length, formatBlock);
    this.#groups = new ControlGroup(config.tokenCost);
    this.#wellFormed = new ControlGroup(config.tokenCost);
    this.#stream = new UniformStream(pool.length, seed);
    this.#isExcluded = new Uint8Array(pool.length);
  }

  choose(count: number, _step: number, without: ReadonlySet<string> = new Set()): string[] {
    const excluded = new Set([...without].flatMap((id) => this.#indexOf.get(id) ?? []));
    const share = this.#uniformShare();
    const allotted = this.#shares.allot(count, { uniform: share, selected: 1 - share });
    const drawn = this.#stream.take(allotted['uniform']!, excluded);
    for (const index of drawn) this.#control.add(index);
    const selected = this.#select(count - drawn.length, excluded);
    return [...drawn, ...selected].map((index) => this.#pool[index]!.id);
  }

  observe(outcomes: readonly ProblemOutcome[]): void {
    this.#means.age();
    this.#spread.age();
    this.#groups.age();
    this.#wellFormed.age();
    for (const outcome of outcomes) this.#observeOne(outcome);
    this.#wellFormed.compare();
    for (const { problemId } of outcomes) this.#control.delete(this.#indexOf.get(problemId) ?? -1);
  }

  save(): z.infer<typeof autoState> {
    return {
      draws: this.#draws,
      owed: this.#shares.save(),
      stream: this.#stream.save(),
      control: [...this.#control],
      means: this.#means.save(),
      own: this.#own.save(),
      spread: this.#spread.save(),
      brake: this.#brake.save(),
      formatBrake: this.#formatBrake.save(),
      groups: this.#groups.save(),
      wellFormed: this.#wellFormed.save(),
    };
  }

  restore(state: unknown): void {
    const saved = readState(autoState, state, 'auto sampler');
    checkCells(saved, this.#cells);
    this.#own.restore(saved.own);
    this.#draws = saved.draws;
    this.#control = new Set(saved.control);
    this.#shares.restore(saved.owed);
    this.#stream.restore(saved.stream);
    this.#means.restore(saved.means);
    this.#spread.restore(saved.spread);
    this.#brake.restore(saved.brake);
    this.#formatBrake.restore(saved.formatBrake);
    this.#groups.restore(saved.groups);
    this.#wellFormed.restore(saved.wellFormed);
  }

  metrics(): Record<string, number> {
    const { passRate, liveUniform, liveSelected } = this.#groups;
    const shares = sharesOfSources(this.#own.classOf, this.#weightsOfClasses(), this.#cells);
    return {
      uniformShare: this.#uniformShare(),
      epoch: this.#stream.epochs,
      visited: this.#own.visited / this.#pool.length,
      misformatted: this.#misformattedShare(),
      ...(passRate !== undefined && { passRate }),
      ...estimateMetrics('liveUniform', liveUniform),
      ...estimateMetrics('liveSelected', liveSelected),
      ...sourceMetrics(this.#cells.sources, this.#brake, shares),
    };
  }

  /** Returns the share of the problems that are in misformatted cells. */
  #misformattedShare(): number {
    const misformatted = this.#own.classes.filter(({ cell }) => this.#means.isMisformatted(cell));
    return misformatted.reduce((sum, { size }) => sum + size, 0) / this.#pool.length;
  }

  #uniformShare(): number {
    const hasEvidence = this.#isMeasured || this.#own.visited > 0;
    if (!hasEvidence) return 1;
    const { uniformShare } = this.#config;
    return this.#wellFormed.isSelectionUseless ? Math.max(uniformShare, fallbackShare) : uniformShare;
  }

  #select(count: number, excluded: ReadonlySet<number>): number[] {
    const weights = this.#weightsOfClasses();
    const { classOf } = this.#own;
    const isExcluded = this.#isExcluded;
    const weightOf = (index: number): number => (isExcluded[index] ? 0 : weights[classOf[index]!]!);
    const random = createRng(this.#seed, 'sampler', 'auto', this.#draws++);
    for (const index of excluded) isExcluded[index] = 1;
    const selected = drawWeighted(count, this.#pool.length, weightOf, random);
    for (const index of excluded) isExcluded[index] = 0;
    return selected;
  }

  /** Returns, for each class of equal evidence, the weight of one problem. */
  #weightsOfClasses(): Float64Array {
    const { sharpness, brake, tokenCost } = this.#config;
    const tokens = this.#means.relativeTokens();
    const strengths = this.#spread.strengths();
    const weights = Float64Array.from(this.#own.classes, (one) => {
      if (one.size === 0) return 0;
      const source = this.#cells.sourceOf[one.cell]!;
      const live = expectedLive(one, this.#means, strengths[source]!, this.#groupSize);
      const isMisformatted = this.#means.isMisformatted(one.cell);
      const factor = isMisformatted ? 1 : this.#brake.factor(source) * one.factor;
      const weight = (live ** sharpness * factor ** brake) / tokens[one.cell]! ** tokenCost;
      return Math.max(leastWeight, weight);
    });
    const boostOf = (cell: number): number | undefined =>
      this.#means.isMisformatted(cell) ? this.#formatBrake.factor(this.#cells.sourceOf[cell]!) : undefined;
    return raiseToUniform(weights, this.#own.classes, this.#own.classOf, boostOf);
  }

  #observeOne(outcome: ProblemOutcome): void {
    const problem = this.#indexOf.get(outcome.problemId);
    if (problem === undefined || outcome.trials === 0) return;
    const cell = this.#cells.cellOf[problem]!;
    const kind = this.#control.has(problem) ? 'uniform' : 'selected';
    const source = this.#cells.sourceOf[cell]!;
    const factor = this.#brake.factor(source) * this.#own.factor(problem);
    const { successes, trials, tokens } = outcome;
    const rollouts = rolloutsOf(outcome);
    const isLive = outcome.meanAbsAdvantage > 0;
    const group = { kind, isLive, factor, successes, trials, tokens, rollouts } as const;
    this.#groups.add(group);
    const misformatted = outcome.verdicts.unparsed - outcome.truncated;
    this.#means.addRollouts(cell, { tokens, rollouts, misformatted });
    const isMisformatted = this.#means.isMisformatted(cell);
    const evidence = evidenceOf(outcome);
    this.#means.add(cell, evidence);
    if (isMisformatted) {
      const formats = { successes: trials - misformatted, trials };
      this.#formatBrake.observe(source, cell, formats, this.#means.formats);
    } else {
      this.#wellFormed.add(group);
      this.#brake.observe(source, cell, evidence, this.#means);
    }
    if (kind === 'uniform' || !this.#own.isVisited(problem)) this.#spread.add(cell, evidence);
    this.#own.add(problem, evidence, !isMisformatted);
  }
}

/**
 * Converts a group's rollouts to evidence. An unparsed rollout that was not truncated counts as half a trial, because
 * its format was wrong rather than its answer; an ungradable one does not count.
 */
function evidenceOf({ verdicts, truncated }: ProblemOutcome): Trials {
  const { correct, incorrect, timeout, unparsed } = verdicts;
  return { successes: correct, trials: correct + incorrect + timeout + (unparsed + truncated) / 2 };
}

const rolloutsOf = ({ verdicts }: ProblemOutcome): number =>
  Object.values(verdicts).reduce((sum, count) => sum + count, 0);

function expectedLive(
  { cell, successes, failures }: EvidenceClass,
  means: CellMeans,
  strength: number,
  groupSize: number,
): number {
  const mean = means.mean(cell);
  const prior = Math.min(strength, means.weight(cell));
  const live = betaLiveProbability(prior * mean + successes, prior * (1 - mean) + failures, groupSize);
  return Math.max(leastLive, live);
}

/** Returns a single cell with all problems, for a sampler that shares no evidence. */
const oneCell = (pool: readonly PoolProblem[]): Cells => ({
  cellOf: new Uint32Array(pool.length),
  sourceOf: new Uint32Array(1),
  sources: ['pool'],
});

function sumByCell(measured: readonly Trials[], { cellOf, sourceOf }: Cells): Trials[] {
  const sums = Array.from(sourceOf, () => noTrials);
  for (const [problem, trials] of measured.entries()) {
    const cell = cellOf[problem]!;
    if (trials.trials > 0) sums[cell] = mergeTrials(sums[cell]!, trials);
  }
  return sums;
}

function checkCells(
  { means, brake, own }: z.infer<typeof autoState>,
  { cellOf, sourceOf, sources }: Cells,
): void {
  const expected = [cellOf.length, sourceOf.length, sources.length];
  const got = [Buffer.byteLength(own.brakes, 'base64'), means.trials.length, brake.sources.length];
  if (expected.every((size, at) => size === got[at])) return;
  const describe = ([problems, cells, brakes]: readonly number[]): string =>
    `${problems} problems, ${cells} cells and ${brakes} sources`;
  throw new RunError(
    `expected a saved state of the auto sampler with ${describe(expected)}, got ${describe(got)}. ` +
      'The checkpoint belongs to another recipe.',
    { tryNext: 'gradus runs list' },
  );
}
