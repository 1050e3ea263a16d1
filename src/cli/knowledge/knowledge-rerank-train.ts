import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { optimizerConfig } from '../../algorithms/optimizer.ts';
import { requireLearner } from '../../engines/engine.ts';
import { findCandidates } from '../../knowledge/candidates.ts';
import { readRationales } from '../../knowledge/rationale-rows.ts';
import { defaultRelevancePrompt, requireRelevancePrompt } from '../../knowledge/relevance.ts';
import { rerankerFile } from '../../knowledge/reranker.ts';
import { trainReranker } from '../../knowledge/train-reranker.ts';
import { requireEmpty } from '../../models/new-model/init-model.ts';
import { chooseEngine, locateModel, openModel } from '../../models/open-model.ts';
import { openIndexFolder } from '../../retrieval/index-folder.ts';
import { writeFolderAtomic } from '../../storage/atomic.ts';
import { withInterrupt } from '../interrupt.ts';
import { addEngineOptions, type EngineFlags, realNumber, wholeNumber } from '../options.ts';
import { type Output, outputOf } from '../output.ts';

interface Flags extends EngineFlags {
  readonly model: string;
  readonly knowledge: string;
  readonly out: string;
  readonly candidates: number;
  readonly sample: number;
  readonly tauRationale: number;
  readonly tauModel: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly warmup: number;
  readonly template: string;
  readonly yes: string;
  readonly seed: number;
}

const positive = realNumber(0, { above: true });

/** `gradus knowledge rerank-train`: trains a reranker on rationales, without labels. */
export function addRerankTrainCommand(knowledge: Command): void {
  const command = knowledge
    .command('rerank-train')
    .description('train a reranker: rank passages by the question as BM25 ranks them by the rationale')
    .argument('<rationales>', 'rows of gradus data rationales')
    .requiredOption('--model <model>', 'model folder or finished run to start from')
    .requiredOption('--knowledge <folder>', 'folder that gradus knowledge build wrote')
    .requiredOption('--out <folder>', 'folder to create')
    .option(
      '--candidates <n>',
      'passages found by the question, and as many by the rationale',
      wholeNumber(1),
      32,
    )
    .option('--sample <n>', 'passages drawn from each of the two lists per step', wholeNumber(1), 4)
    .option(
      '--tau-rationale <t>',
      "temperature of BM25's scores with the rationale as the query",
      positive,
      1,
    )
    .option('--tau-model <t>', "temperature of the model's log-probabilities", positive, 1)
    .option('--epochs <n>', 'passes over the rationales', positive, 3)
    .option('--batch-size <n>', 'rationales per step', wholeNumber(1), 16)
    .option('--learning-rate <rate>', 'highest learning rate of AdamW', positive, 1e-4)
    .option('--warmup <steps>', 'steps of linear warm-up from 0', wholeNumber(), 20)
    .option(
      '--template <text>',
      'prompt of the reranker, with {question} and {passage}',
      defaultRelevancePrompt.template,
    )
    .option('--yes <text>', 'reply that means yes; one token', defaultRelevancePrompt.yes)
    .option('--seed <n>', 'seed of the order and of the drawn passages', wholeNumber(), 0);
  addEngineOptions(command).action((file: string, flags: Flags) => train(file, flags, outputOf(command)));
}

async function train(file: string, flags: Flags, output: Output): Promise<void> {
  const { out, epochs, batchSize, sample, seed } = flags;
  await requireEmpty(out);
  const source = await locateModel(flags.model);
  await using opened = new AsyncDisposableStack();
  const retriever = opened.use(await openIndexFolder(flags.knowledge));
  const rows = await readRationales(file);
  const engine = opened.use(requireLearner(await openModel(source, chooseEngine(source, flags), true)));
  const prompt = { template: flags.template.replaceAll('\\n', '\n'), yes: flags.yes };
  requireRelevancePrompt(engine, prompt);
  const settings = {
    prompt,
    sample,
    temperatureTarget: flags.tauRationale,
    temperatureModel: flags.tauModel,
    batchSize,
    epochs,
    seed,
    optimizer: optimizerConfig.parse({
      learningRate: flags.learningRate,
      warmupSteps: flags.warmup,
      schedule: 'cosine',
    }),
  };
  const learned = await withInterrupt(async (signal) =>
    trainReranker(engine, await findCandidates(retriever, rows, flags.candidates, signal), {
      ...settings,
      signal,
      onStep: ({ step, lastStep, kl }) => {
        output.progress('training the reranker', step, lastStep);
        output.event({ type: 'step', step, kl });
      },
    }),
  );
  await writeFolderAtomic(out, async (draft) => {
    await engine.weights.exportModel(draft);
    const { optimizer: _, prompt: __, ...trained } = settings;
    const record = {
      ...prompt,
      ...trained,
      knowledge: retriever.version,
      rationales: rows.length,
      ...learned,
    };
    await writeFile(join(draft, rerankerFile), `${JSON.stringify(record, null, 2)}\n`);
  });
  output.result(
    { out, ...learned },
    `KL ${learned.kl.toFixed(3)} after ${learned.step} steps\nreranker: ${out}`,
  );
}
