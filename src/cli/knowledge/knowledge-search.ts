import type { Command } from 'commander';
import { openIndexFolder } from '../../retrieval/index-folder.ts';
import type { Retrieved } from '../../retrieval/retriever.ts';
import { wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

/** `gradus knowledge search`: prints the best passages for a query. */
export function addKnowledgeSearchCommand(knowledge: Command): void {
  knowledge
    .command('search')
    .description('print the best passages for a query')
    .argument('<index>', 'folder that gradus knowledge build wrote')
    .argument('<query...>', 'query; words are joined by spaces')
    .option('--top <n>', 'maximum number of passages to print', wholeNumber(1), 3)
    .action(async (index: string, words: string[], { top }: { top: number }, command: Command) => {
      await using retriever = await openIndexFolder(index);
      const query = words.join(' ');
      const passages = await retriever.search(query, top);
      outputOf(command).result(
        { query, version: retriever.version, passages },
        passages.map(formatPassage).join('\n\n') || 'no passage contains a word of the query',
      );
    });
}

function formatPassage({ id, title, text, score }: Retrieved, i: number): string {
  const head = `${i + 1}. ${title ?? ''} (id ${id}, score ${score.toFixed(3)})`.replace('.  (', '. (');
  return `${head}\n${text}`;
}
