import { type Command, InvalidArgumentError, Option } from 'commander';
import { analysers } from '../../retrieval/analyser.ts';
import { bm25Settings, type Bm25Settings } from '../../retrieval/bm25-index.ts';
import { buildIndexFolder } from '../../retrieval/index-folder.ts';
import { readPassages } from '../../retrieval/passage.ts';
import { withInterrupt } from '../interrupt.ts';
import { realNumber } from '../options.ts';
import { outputOf } from '../output.ts';

interface BuildFlags extends Bm25Settings {
  readonly out: string;
}

/** `gradus knowledge build`: builds a BM25 index of passages. */
export function addKnowledgeBuildCommand(knowledge: Command): void {
  knowledge
    .command('build')
    .description('build a BM25 index of passages')
    .argument('<files...>', 'passages: JSON Lines, JSON, CSV or Parquet with a column text or contents')
    .requiredOption('--out <folder>', 'folder to write; an index in it is replaced')
    .addOption(
      new Option('--analyser <name>', "standard: words; english: Lucene's stop words and Porter's stemmer")
        .choices(analysers)
        .default('standard'),
    )
    .option('--k1 <n>', 'how fast repeats of a term saturate', realNumber(0), 0.9)
    .option('--b <n>', 'strength of the length normalisation, from 0 to 1', share, 0.4)
    .action(async (files: string[], { out, ...settings }: BuildFlags, command: Command) => {
      const output = outputOf(command);
      const facts = await withInterrupt((signal) =>
        buildIndexFolder(readPassages(files), out, bm25Settings.parse(settings), signal),
      );
      output.result(
        { ...facts, out },
        `${facts.passages} passages and ${facts.terms} terms in ${out}, version ${facts.version}`,
      );
    });
}

/** Parses a number from 0 to 1. */
function share(text: string): number {
  const value = realNumber(0)(text);
  if (value > 1) throw new InvalidArgumentError('expected a number from 0 to 1');
  return value;
}
