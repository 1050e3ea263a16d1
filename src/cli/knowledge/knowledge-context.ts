import type { Command } from 'commander';
import { countOf } from '../../core/text/count.ts';
import { addContext, type ContextReport } from '../../knowledge/context-file.ts';
import { reranked } from '../../knowledge/reranker.ts';
import { chooseEngine } from '../../models/open-model.ts';
import { addForceOption, type ForceFlag, requireFreeOutput, requireLinesEnding } from '../data/out-file.ts';
import { withInterrupt } from '../interrupt.ts';
import { addEngineOptions, type EngineFlags } from '../options.ts';
import { outputOf } from '../output.ts';
import {
  addKnowledgeOptions,
  contextFormat,
  type KnowledgeFlags,
  openKnowledge,
  openRerankerOf,
} from './knowledge-source.ts';

interface ContextFlags extends KnowledgeFlags, EngineFlags, ForceFlag {
  readonly query: string;
  readonly out: string;
}

/** Share of golds contained in the passages above which copying may suffice to answer the questions. */
const mostStated = 0.5;

/** `gradus knowledge context`: puts passages into the prompts of problems or examples. */
export function addKnowledgeContextCommand(knowledge: Command): void {
  const command = addKnowledgeOptions(knowledge.command('context'))
    .description('put the passages that match best into the prompts of problems or examples')
    .argument('<file>', 'JSON Lines with a column prompt: problems or examples')
    .requiredOption('--out <file>', '.jsonl file to write')
    .option('--query <column>', 'column with the query; for prompt, its last message', 'prompt');
  addForceOption(addEngineOptions(command)).action(async (file: string, flags: ContextFlags) => {
    const { out, query, top, candidates } = flags;
    requireLinesEnding('--out', out);
    requireFreeOutput('--out', out, [file], flags);
    const output = outputOf(command);
    await using opened = new AsyncDisposableStack();
    const base = await openKnowledge(flags.knowledge, opened);
    const reranker = await openRerankerOf(flags, chooseEngine({ folder: '' }, flags), opened);
    const retriever = reranker === undefined ? base : reranked(base, reranker, candidates);
    const onProgress = (done: number): void => output.progress('adding passages', done, Infinity);
    const report = await withInterrupt((signal) =>
      addContext({ file, retriever, query, top, format: contextFormat(flags), out, onProgress, signal }),
    );
    if ((report.goldStated ?? 0) > mostStated)
      output.warn(
        `the passages state the answer word for word in ${percent(report.goldStated!)} of the rows: reading it off may be enough`,
      );
    output.result(report, format(report));
  });
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function format({ rows, empty, goldStated, out }: ContextReport): string {
  return [
    `passages for ${countOf(rows, 'prompt')} in ${out}`,
    ...(empty === 0 ? [] : [`${countOf(empty, 'query', 'queries')} found no passage`]),
    ...(goldStated === undefined ? [] : [`answer stated word for word in ${percent(goldStated)}`]),
  ].join('\n');
}
