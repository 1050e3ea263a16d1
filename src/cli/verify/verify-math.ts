import type { Command } from 'commander';
import { ConfigError } from '../../core/errors.ts';
import { parseConfig } from '../../recipe/parse-config.ts';
import { applyOverrides } from '../../recipe/overrides.ts';
import { explainVerdict } from '../../verifiers/explain-verdict.ts';
import { openGrader } from '../../services/verifier/grader.ts';
import { mathAnswer, mathConfig } from '../../verifiers/math/verifier.ts';
import { printCases } from './cases.ts';
import { collect } from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags {
  readonly cases?: string;
  readonly set: readonly string[];
}

/** `gradus verify math`: compares an answer with a gold. */
export function addVerifyMathCommand(verify: Command): void {
  verify
    .command('math')
    .description('compare an answer, or a whole completion, with the gold answer')
    .argument('[gold]', 'gold answer')
    .argument('[answer...]', 'answer or completion to judge')
    .option('--cases <file>', 'JSON list of {gold, pred}; prints one JSON verdict per line, in order')
    .option(
      '--set <option=value>',
      'override one option of the math policy, e.g. lists=ordered; repeatable',
      collect,
      [],
    )
    .action(async (gold: string | undefined, words: string[], flags: Flags, command: Command) => {
      const config = parseConfig(mathConfig, applyOverrides(mathAnswer(), flags.set), 'math policy');
      await using grader = openGrader({ math: config });
      if (flags.cases !== undefined) return printCases(grader, flags.cases, 1);
      if (gold === undefined || words.length === 0) {
        throw new ConfigError('expected a gold answer and an answer to judge, or --cases', {
          tryNext: String.raw`gradus verify math '1/2' '\boxed{0.5}'`,
        });
      }
      const verdict = await grader.grade({ gold, pred: words.join(' ') }, 'command line');
      outputOf(command).result(verdict, explainVerdict(verdict));
    });
}
