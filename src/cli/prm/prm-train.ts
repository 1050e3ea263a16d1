import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type OptimizerConfig, optimizerConfig } from '../../algorithms/optimizer.ts';
import { DataError } from '../../core/errors.ts';
import { type LearningEngine, requireLearner } from '../../engines/engine.ts';
import { deepenModel } from '../../models/new-model/deepen-model.ts';
import { requireEmpty } from '../../models/new-model/init-model.ts';
import { chooseEngine, locateModel, type ModelSource, openModel } from '../../models/open-model.ts';
import { defaultLabels, labelsFile, type LabelTokens, labelTokens } from '../../scorers/scorer-labels.ts';
import { fitReadout, readAttempts, readoutAttempts } from '../../scorers/training/fit-readout.ts';
import { areasOf, formatQuality } from '../../scorers/training/format-quality.ts';
import { readRunAttempts, type ScorerData } from '../../scorers/training/run-attempts.ts';
import { scoreAttempts, scorerQuality } from '../../scorers/training/scorer-quality.ts';
import { readStepwiseRows } from '../../scorers/training/stepwise-rows.ts';
import { trainScorer } from '../../scorers/training/train-scorer.ts';
import { writeFolderAtomic } from '../../storage/atomic.ts';
import { withInterrupt } from '../interrupt.ts';
import { addEngineOptions, addTrustOption, realNumber, wholeNumber } from '../options.ts';
import { type Output, outputOf } from '../output.ts';
import { describeProbes, learnFromProbes, type ProbeFlags } from './prm-probe.ts';

interface Flags extends ProbeFlags {
  readonly out: string;
  readonly model?: string;
  readonly layers: number;
  readonly since: number;
  readonly learningRate: number;
  readonly good: string;
  readonly bad: string;
  readonly stepSeparator: string;
}

/** `gradus prm train`: trains a step scorer on a run's own rollouts, without labels. */
export function addPrmTrainCommand(prm: Command): void {
  const command = prm
    .command('train')
    .description('train a step scorer on rollouts; each prefix gets the verdict of the whole answer')
    .argument('<source>', "run directory, or JSON Lines in TRL's stepwise format")
    .requiredOption('--out <folder>', 'folder to create')
    .option('--model <model>', 'model to start from (default: the model of the run)')
    .option(
      '--layers <n>',
      'layers to add, which can compare written tokens with predicted ones',
      wholeNumber(),
      2,
    )
    .option('--since <step>', 'leave out training rollouts before this step', wholeNumber(), 0)
    .option('--epochs <n>', 'passes over the rollouts', realNumber(0, { above: true }), 2)
    .option('--batch-size <n>', 'rollouts per step', wholeNumber(1), 128)
    .option('--learning-rate <rate>', 'highest learning rate of AdamW', realNumber(0, { above: true }), 1e-3)
    .option('--probe <k>', "continuations that the run's policy writes per prefix", wholeNumber(), 0)
    .option(
      '--prefixes <n>',
      'maximum number of prefixes to probe; the most uncertain come first',
      wholeNumber(1),
      1000,
    )
    .option('--good <text>', 'token that labels a good prefix', defaultLabels.good)
    .option('--bad <text>', 'token that labels a bad prefix', defaultLabels.bad)
    .option('--step-separator <text>', 'text between the steps of a JSON Lines file', '\n\n')
    .option('--seed <n>', 'seed of the order of the rollouts', wholeNumber(), 0);
  addTrustOption(addEngineOptions(command)).action(async (source: string, flags: Flags) => {
    const output = outputOf(command);
    const { out, good, bad, seed } = flags;
    await requireEmpty(out);
    const located = await locateModel(flags.model ?? source, { trust: flags.trust });
    await using opened = new AsyncDisposableStack();
    const start = await deeperModel(located, flags.layers, opened);
    const engine = opened.use(requireLearner(await openModel(start, chooseEngine(located, flags), true)));
    const labels = labelTokens(engine.renderer, { good, bad });
    const data = /\.(jsonl|ndjson|json)$/.test(source)
      ? await readStepwiseRows(source, engine.renderer, flags.stepSeparator)
      : await readRunAttempts(source, flags.since);
    output.say(`${data.train.length} rollouts; held out: ${data.heldOutFrom}`);
    const { learningRate } = flags;
    const schedule = { learningRate, beta2: 0.98, warmupSteps: 20, schedule: 'cosine' };
    const scorer = { engine, labels, optimizer: optimizerConfig.parse(schedule) };
    const learned = await withInterrupt((signal) => learnVerdicts(scorer, data, flags, signal, output));
    let judged = await judge(scorer, data, seed);
    let probed: object = {};
    if (flags.probe > 0) {
      const probes = await withInterrupt((signal) => learnFromProbes(source, scorer, data, flags, signal));
      output.say(`before probing: ${areasOf(judged.quality)}\n${describeProbes(probes)}`);
      probed = { probes, beforeProbes: judged };
      judged = await judge(scorer, data, seed);
    }
    await writeFolderAtomic(out, async (draft) => {
      await engine.weights.exportModel(draft);
      const { readout, ...quality } = judged;
      const found = { heldOut: data.heldOutFrom, loss: learned.loss, ...quality };
      const record = { good, bad, readout, source, ...found };
      await writeFile(join(draft, labelsFile), `${JSON.stringify(record, null, 2)}\n`);
    });
    const report = formatQuality(judged.quality, judged.withoutReadout);
    output.result({ out, ...learned, ...probed, ...judged }, `${report}\nscorer: ${out}`);
  });
}

interface Scorer {
  readonly engine: LearningEngine;
  readonly labels: LabelTokens;
  readonly optimizer: OptimizerConfig;
}

/** Trains the scorer on the verdicts of the rollouts. */
const learnVerdicts = (
  { engine, labels, optimizer }: Scorer,
  { train }: ScorerData,
  { epochs, batchSize, seed }: Flags,
  signal: AbortSignal,
  output: Output,
): ReturnType<typeof trainScorer> =>
  trainScorer(engine, train, labels, {
    optimizer,
    epochs,
    batchSize,
    seed,
    signal,
    onStep: ({ step, lastStep, loss }) => {
      output.progress('training the scorer', step, lastStep);
      output.event({ type: 'step', step, loss });
    },
  });

/** Fits the readout to training attempts, and measures the scorer on held-out ones, with and without it. */
async function judge({ engine, labels }: Scorer, data: ScorerData, seed: number) {
  const window = engine.sampler.info.maxSequenceTokens;
  const score = (some: ScorerData['train']) => scoreAttempts(engine.weights, labels, some, window);
  const scored = await score(data.heldOut);
  const fitted = await score(readoutAttempts(data.train, seed));
  if (fitted.length === 0) return { quality: scorerQuality(scored, seed) };
  const readout = fitReadout(fitted);
  const quality = scorerQuality(readAttempts(scored, readout), seed);
  return { readout, quality, withoutReadout: scorerQuality(scored, seed) };
}

/** Returns the model with added layers, in a folder that is removed when the stack is disposed. */
async function deeperModel(
  source: ModelSource,
  layers: number,
  opened: AsyncDisposableStack,
): Promise<ModelSource> {
  if (layers === 0) return source;
  if (source.state !== undefined)
    throw new DataError(`${source.folder}: expected a run with an exported model to add layers to`, {
      tryNext: 'the same command with --layers 0',
    });
  const folder = await mkdtemp(join(tmpdir(), 'gradus-scorer-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  await deepenModel(source.folder, folder, layers);
  return { folder };
}
