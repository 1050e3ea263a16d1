import type { Command } from 'commander';
import { isServed, engineNames } from '../../engines/config.ts';
import { formatKnowledge } from '../../knowledge/format-knowledge.ts';
import { type KnowledgeProblem, measureKnowledge } from '../../knowledge/measure-knowledge.ts';
import { chooseEngine, locateModel, openModel } from '../../models/open-model.ts';
import { loadProblems } from '../../problems/load-problems.ts';
import { suiteConfig } from '../../recipe/suite.ts';
import { openVerifiers } from '../../verifiers/open-verifiers.ts';
import { verifiersOf } from '../data/author-flags.ts';
import { problemFile } from '../data/data-flags.ts';
import { withInterrupt } from '../interrupt.ts';
import { addEngineOptions, type EngineFlags, realNumber, wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';
import {
  addKnowledgeOptions,
  contextFormat,
  type KnowledgeFlags,
  openKnowledge,
  openRerankerOf,
} from './knowledge-source.ts';

interface MeasureFlags extends KnowledgeFlags, EngineFlags {
  readonly model?: string;
  readonly rollouts: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly recipe?: string;
}

/** `gradus knowledge measure`: compares the benefit of passages from different sources. */
export function addKnowledgeMeasureCommand(knowledge: Command): void {
  const command = addKnowledgeOptions(knowledge.command('measure'))
    .description('compare passages found by question, reranker and rationale, and a model that reads them')
    .argument('<file>', 'problems; rows of gradus data rationales also have the passages of rationales')
    .option('--model <model>', 'model to evaluate (default: none, retrieval alone)')
    .option('--rollouts <n>', 'attempts per problem and condition', wholeNumber(1), 4)
    .option('--max-tokens <n>', 'maximum tokens per attempt', wholeNumber(1), 512)
    .option('--temperature <t>', 'sampling temperature', realNumber(0, { above: true }), 1)
    .option('--seed <n>', 'seed of attempts, shuffling and intervals', wholeNumber(), 0)
    .option('--recipe <file>', 'recipe with the verifiers (default: those of the published suites)');
  addEngineOptions(command, [...engineNames, 'openai']).action(async (path: string, flags: MeasureFlags) => {
    const output = outputOf(command);
    const { model, candidates, top, seed, rollouts, maxTokens, temperature } = flags;
    const items = firstOfEach(await loadProblems(problemFile(path), process.cwd()));
    await using opened = new AsyncDisposableStack();
    const retriever = await openKnowledge(flags.knowledge, opened);
    const named = { folder: model ?? '' };
    const isLocal = model !== undefined && !isServed(chooseEngine(named, flags));
    const source = isLocal ? await locateModel(model) : named;
    const config = chooseEngine(source, flags);
    const reranker = await openRerankerOf(flags, config, opened);
    const student = model !== undefined && {
      student: {
        engine: opened.use(await openModel(source, config)),
        verifierFor: openVerifiers(await verifiersOf(flags.recipe), opened),
        suite: suiteConfig.parse({ name: 'knowledge', rollouts, maxTokens, temperature, greedy: false }),
      },
    };
    const report = await withInterrupt((signal) =>
      measureKnowledge(
        {
          retriever,
          reranker,
          candidates,
          top,
          format: contextFormat(flags),
          seed,
          ...student,
          onProgress: output.progress,
          signal,
        },
        items,
      ),
    );
    output.result(
      {
        ...report,
        knowledge: retriever.version,
        ...(reranker !== undefined && { reranker: reranker.version }),
      },
      formatKnowledge(report),
    );
  });
}

/** Keeps the first row of each problem, because every rationale repeats its problem. */
function firstOfEach(problems: Awaited<ReturnType<typeof loadProblems>>): KnowledgeProblem[] {
  const rows = Map.groupBy(problems, ({ id, extra }) => (extra?.['problemId'] as string | undefined) ?? id);
  return [...rows.values()].map(([problem]) => {
    const rationale = problem!.extra?.['rationale'];
    return { problem: problem!, ...(typeof rationale === 'string' && { rationale }) };
  });
}
