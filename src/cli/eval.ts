import { appendFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { describeSpending, type Spending } from '../core/spending.ts';
import { alignColumns } from '../core/table.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import { formatEvaluation } from '../evaluation/format.ts';
import { publishedSuites } from '../evaluation/published-suites.ts';
import { evaluateModel } from '../evaluation/evaluate-model.ts';
import { planEvaluation } from '../evaluation/plan-evaluation.ts';
import { writeFileAtomic } from '../storage/atomic.ts';
import { addPair } from './data/data-flags.ts';
import { withInterrupt } from './interrupt.ts';
import { addTrustOption, collect, type TrustFlags } from './options.ts';
import { type Output, outputOf } from './output.ts';

interface EvalOptions extends TrustFlags {
  readonly recipe?: string;
  readonly suite: readonly string[];
  readonly suiteData: Readonly<Record<string, string>>;
  readonly listSuites?: true;
  readonly set: readonly string[];
  readonly out?: string;
}

/** `gradus eval`: how good a model is on a recipe's held-out suites. */
export function addEvalCommand(program: Command): void {
  addTrustOption(program.command('eval'))
    .description('measure a model on the suites of a recipe, or on published ones')
    .argument(
      '[model]',
      "model folder or run directory; with an openai engine in the recipe, the server's name of it",
    )
    .option('--recipe <file>', 'whose suites and verifiers; a run brings its own')
    .option(
      '--suite <name>',
      'only this suite of the recipe, or a published one; may be repeated',
      collect,
      [],
    )
    .option('--suite-data <suite=path>', 'read a published suite from here instead', addPair, {})
    .option('--list-suites', 'show the published suites')
    .option('--set <path=value>', 'change one field of the recipe; may be repeated', collect, [])
    .option('--out <file>', 'also write the evaluations to a JSON file')
    .action(async (model: string | undefined, options: EvalOptions, command: Command) => {
      const output = outputOf(command);
      if (options.listSuites) return listSuites(output);
      if (model === undefined)
        return command.error("error: missing required argument 'model'", { exitCode: 2 });
      const { source, parts } = await planEvaluation(model, { ...options, suites: options.suite });
      // Found out now rather than after the evaluation.
      if (options.out !== undefined) await appendFile(options.out, '');
      const evaluations = await withInterrupt(async (signal) => {
        const done: Evaluation[] = [];
        for (const { recipe, only } of parts)
          done.push(...(await evaluateModel(source, recipe, only, { signal, ...watch(output) })));
        return done;
      });
      if (options.out !== undefined) {
        await writeFileAtomic(options.out, `${JSON.stringify(evaluations, null, 2)}\n`);
        output.say(`written to ${options.out}`);
      }
      output.result(evaluations, `evaluated: ${evaluations.map(({ suite }) => suite).join(', ')}`);
    });
}

/** Tables are printed as they come: a later suite may take long. */
const watch = (output: Output) => ({
  onProgress: (suite: string, done: number, total: number) => {
    output.progress(`evaluating ${suite}`, done, total);
  },
  onDownload: output.progress,
  onEvaluation: (evaluation: Evaluation) => {
    output.say(`${formatEvaluation(evaluation)}\n`);
  },
  onSpending: (spending: Spending) => {
    output.event({ type: 'spending', ...spending });
    output.say(describeSpending(spending));
  },
});

function listSuites(output: Output): void {
  const rows = publishedSuites.map(({ name, rollouts, says, aliases }) => [
    name,
    `avg@${rollouts}`,
    says,
    `also ${aliases.join(', ')}`,
  ]);
  output.result(publishedSuites, alignColumns(rows));
}
