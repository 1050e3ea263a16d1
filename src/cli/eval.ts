import { appendFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { describeSpending, type Spending } from '../core/spending.ts';
import { alignColumns } from '../core/text/table.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import { formatEvaluation } from '../evaluation/format.ts';
import { formatStrategies } from '../evaluation/strategies/format-strategies.ts';
import { withStrategies } from '../evaluation/strategies/with-strategies.ts';
import { publishedSuites } from '../evaluation/published/published-suites.ts';
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
  readonly strategy: readonly string[];
  readonly budgets?: string;
  readonly scorer?: string;
  readonly wordings?: true;
}

/** `gradus eval`: evaluates a model on the suites of a recipe, or on published ones. */
export function addEvalCommand(program: Command): void {
  const command = program
    .command('eval')
    .description('evaluate a model on the suites of a recipe, or on published ones')
    .argument('[model]', 'model folder or run directory; with the openai engine, the name on the server')
    .option('--recipe <file>', "recipe with the suites and verifiers (default: the run's)")
    .option(
      '--suite <name>',
      'evaluate only this suite of the recipe, or this published one; repeatable',
      collect,
      [],
    )
    .option(
      '--suite-data <suite=path>',
      'read the problems of a published suite from this file or address; repeatable',
      addPair,
      {},
    )
    .option('--list-suites', 'list the published suites')
    .option('--set <path=value>', 'override one field of the recipe; repeatable', collect, [])
    .option(
      '--strategy <name>',
      'also compare a strategy: majority, best-of-n, asked:decomposition, beam:4, dvts:4; repeatable',
      collect,
      [],
    )
    .option('--budgets <list>', 'budgets of the strategies, in answers, e.g. 4,16,64')
    .option(
      '--scorer <type>',
      'step scorer: verifier (upper bound), confidence, or a folder made by gradus prm train',
    )
    .option('--wordings', 'also attempt the other wordings of each problem, and report robustness')
    .option('--out <file>', 'also write the evaluations to this JSON file');
  addTrustOption(command).action(async (model: string | undefined, options: EvalOptions) => {
    const output = outputOf(command);
    if (options.listSuites) return listSuites(output);
    if (model === undefined)
      return command.error("error: missing required argument 'model'", { exitCode: 2 });
    const { source, parts } = await planEvaluation(model, { ...options, suites: options.suite });
    const flags = { ...options, strategies: options.strategy };
    // Fail before the evaluation when the file is not writable.
    if (options.out !== undefined) await appendFile(options.out, '');
    const evaluations = await withInterrupt(async (signal) => {
      const done: Evaluation[] = [];
      for (const { recipe, only } of parts) {
        const evaluation = withStrategies(recipe.evaluation, flags).map((suite) =>
          options.wordings ? { ...suite, wordings: true } : suite,
        );
        done.push(
          ...(await evaluateModel(source, { ...recipe, evaluation }, only, { signal, ...watch(output) })),
        );
      }
      return done;
    });
    if (options.out !== undefined) {
      await writeFileAtomic(options.out, `${JSON.stringify(evaluations, null, 2)}\n`);
      output.say(`written to ${options.out}`);
    }
    output.result(evaluations, `evaluated: ${evaluations.map(({ suite }) => suite).join(', ')}`);
  });
}

/** Prints the table of each suite as soon as it is complete. */
const watch = (output: Output) => ({
  onProgress: (suite: string, done: number, total: number) => {
    output.progress(`evaluating ${suite}`, done, total);
  },
  onDownload: output.progress,
  onEvaluation: (evaluation: Evaluation) => {
    output.say(`${formatEvaluation(evaluation)}\n`);
    if (evaluation.strategies !== undefined) output.say(`${formatStrategies(evaluation.strategies)}\n`);
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
