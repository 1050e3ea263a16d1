import type { Command } from 'commander';
import { ConfigError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { readFileProblems } from '../../problems/read-file-source.ts';
import { decontaminate } from '../../problems/hygiene/decontaminate.ts';
import { dedup } from '../../problems/hygiene/dedup.ts';
import { withoutFindings } from '../../problems/hygiene/filter.ts';
import { formatPriorColumns, PriorEvidence } from '../../problems/hygiene/prior-evidence.ts';
import { findUnverifiable } from '../../problems/hygiene/unverifiable.ts';
import { openPromptChecks } from '../../models/check-prompt-length.ts';
import { cleanFile } from './data-clean-file.ts';
import { addForceOption, type ForceFlag } from './out-file.ts';
import { problemFile } from './data-flags.ts';
import { openGoldJudge } from './gold-judge.ts';
import { realNumber, wholeNumber } from '../options.ts';

interface CleanOptions extends ForceFlag {
  readonly out?: string;
  readonly findings?: string;
}

interface CheckOptions extends CleanOptions {
  readonly model?: string;
  readonly maxPromptTokens?: number;
}

async function promptChecks({ model, maxPromptTokens }: CheckOptions) {
  if (model !== undefined) {
    const { overlong, unreadable } = await openPromptChecks(model, maxPromptTokens);
    return { checks: [overlong], notes: [unreadable] };
  }
  if (maxPromptTokens === undefined) return { checks: [], notes: [] };
  throw new ConfigError('--max-prompt-tokens: expected --model as well; its tokenizer counts the tokens', {
    tryNext: 'gradus data check --help',
  });
}

const outOption = ['--out <file>', '.jsonl file for the kept problems'] as const;
const findingsOption = [
  '--findings <file>',
  'also write every finding with its evidence to this JSON Lines file',
] as const;
const shareOf = realNumber(0, { above: true });

const read = (path: string): AsyncIterable<Problem> => readFileProblems(problemFile(path), '.');

/** Reads problems and keeps the placeholders of missing images, which the check then reports. */
const readWithMarks = (path: string): AsyncIterable<Problem> =>
  readFileProblems(problemFile(path), '.', { onMissing: () => {} });

/** `gradus data check|dedup|decontaminate`: removes problems that are unsuitable for training, and reports why. */
export function addCleaningCommands(data: Command): void {
  addForceOption(data.command('check'))
    .description('remove problems that no verifier can judge: proofs, open questions, unreadable golds')
    .argument('<file>', 'problems')
    .option(...outOption)
    .option(
      '--model <folder>',
      'also remove prompts that leave no room for an answer in the window of this model',
    )
    .option('--max-prompt-tokens <n>', 'also remove prompts with more than n tokens', wholeNumber(1))
    .option(...findingsOption)
    .action(async (path: string, options: CheckOptions, command: Command) => {
      await using judge = openGoldJudge();
      const prompts = await promptChecks(options);
      const checks = [findUnverifiable, judge.findUnreadable, ...prompts.checks];
      const prior = new PriorEvidence();
      const notes = [judge.findGuessed, ...prompts.notes];
      await cleanFile(
        command,
        [path],
        options,
        (log) => prior.of(withoutFindings(readWithMarks(path), checks, log, notes)),
        () => withPriorColumns(prior),
      );
    });
  addForceOption(data.command('dedup'))
    .description('remove duplicates, keeping the first; report conflicting golds')
    .argument('<file>', 'file of problems, which is read twice')
    .requiredOption(...outOption)
    .option(
      '--near <share>',
      'minimum similarity of near duplicates; above 1: remove only exact duplicates',
      shareOf,
      0.8,
    )
    .option(...findingsOption)
    .action(async (path: string, options: CleanOptions & { readonly near: number }, command: Command) => {
      await using judge = openGoldJudge();
      const near = options.near > 1 ? null : options.near;
      const { sameAnswer } = judge;
      await cleanFile(command, [path], options, (log) => dedup(() => read(path), log, { near, sameAnswer }));
    });
  addForceOption(data.command('decontaminate'))
    .description('remove problems that occur in evaluation sets, even if paraphrased')
    .argument('<file>', 'problems')
    .requiredOption('--against <files...>', 'evaluation sets, in any format')
    .requiredOption(...outOption)
    .option(
      '--contained <share>',
      'minimum overlap of three-word runs with an evaluation problem for a "contained" match',
      shareOf,
      0.6,
    )
    .option(
      '--retold <share>',
      'minimum overlap of rare word pairs with an evaluation problem for a "paraphrased" match',
      shareOf,
      0.38,
    )
    .option(...findingsOption)
    .action(async (path: string, options: CleanOptions & ContaminationFlags, command: Command) => {
      await using judge = openGoldJudge();
      const { contained, retold } = options;
      const { sameAnswer } = judge;
      const sets = options.against.map((name) => ({ name, problems: read(name) }));
      await cleanFile(command, [path, ...options.against], options, (log) =>
        decontaminate(read(path), sets, log, { contained, retold, sameAnswer }),
      );
    });
}

function withPriorColumns(prior: PriorEvidence): { fields: object; text: string } {
  const columns = prior.columns();
  return {
    fields: { priorColumns: columns },
    text: columns.length === 0 ? '' : `\n\n${formatPriorColumns(columns)}`,
  };
}

interface ContaminationFlags {
  readonly against: readonly string[];
  readonly contained: number;
  readonly retold: number;
}
