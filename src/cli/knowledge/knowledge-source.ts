import { type Command, Option } from 'commander';
import type { EngineConfig } from '../../engines/config.ts';
import { isServed } from '../../engines/config.ts';
import { type ContextFormat, defaultContext } from '../../knowledge/context.ts';
import { openReranker, type Reranker } from '../../knowledge/reranker.ts';
import { chooseEngine } from '../../models/open-model.ts';
import { httpRetrieverConfig, openHttpRetriever } from '../../retrieval/http-retriever.ts';
import { openIndexFolder } from '../../retrieval/index-folder.ts';
import type { Retriever } from '../../retrieval/retriever.ts';
import { layouts, type PassageLayout } from '../../retrieval/write-passages.ts';
import { wholeNumber } from '../options.ts';

/** Flags of `addKnowledgeOptions`. */
export interface KnowledgeFlags {
  readonly knowledge: string;
  readonly reranker?: string;
  readonly candidates: number;
  readonly top: number;
  readonly template: string;
  readonly layout: PassageLayout;
}

/** Adds the options for passages in prompts. */
export const addKnowledgeOptions = (command: Command): Command =>
  command
    .requiredOption(
      '--knowledge <source>',
      'folder that gradus knowledge build wrote, or the address of a /retrieve service',
    )
    .option('--reranker <folder>', 'folder that gradus knowledge rerank-train wrote')
    .option('--candidates <n>', 'passages that the reranker scores', wholeNumber(1), 100)
    .option('--top <n>', 'passages in a prompt', wholeNumber(1), 1)
    .option(
      '--template <text>',
      'template of the last message, with {question} and {passages}',
      defaultContext.template,
    )
    .addOption(
      new Option('--layout <name>', 'how a passage is written: (1)title text; Doc 1(Title: title) text; text')
        .choices(layouts)
        .default(defaultContext.layout),
    );

/** Returns the format of prompts from flags. Line feeds may be written as \n. */
export const contextFormat = ({ template, layout }: KnowledgeFlags): ContextFormat => ({
  template: template.replaceAll('\\n', '\n'),
  layout,
});

/** Opens an index folder, or a service at an address; `opened` disposes of it. */
export async function openKnowledge(source: string, opened: AsyncDisposableStack): Promise<Retriever> {
  if (!/^https?:\/\//.test(source)) return opened.use(await openIndexFolder(source));
  const config = httpRetrieverConfig.parse({ type: 'http-retriever', url: source, version: source });
  return opened.use(openHttpRetriever(config));
}

/** Opens the reranker given by the flags, if any; on the embedded engine if `engine` is a model server. */
export async function openRerankerOf(
  { reranker }: Pick<KnowledgeFlags, 'reranker'>,
  engine: EngineConfig,
  opened: AsyncDisposableStack,
): Promise<Reranker | undefined> {
  if (reranker === undefined) return undefined;
  const local = isServed(engine) ? chooseEngine({ folder: reranker }, { engine: 'embedded' }) : engine;
  return openReranker(reranker, local, opened);
}
