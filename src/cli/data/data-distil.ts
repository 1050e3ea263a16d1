import { type Command, Option } from 'commander';
import { countOf } from '../../core/text/count.ts';
import { ConfigError } from '../../core/errors.ts';
import { type OracleName, oracleNames } from '../../environments/bandit/oracles/create-oracle.ts';
import { oracleExamples } from '../../environments/bandit/oracle-examples.ts';
import { openEnvironments } from '../../environments/open-environments.ts';
import { loadProblems } from '../../problems/load-problems.ts';
import { loadRecipe } from '../../recipe/load.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';
import { addForceOption, type ForceFlag, requireFreeOutput, requireLinesEnding } from './out-file.ts';

interface DistilFlags extends ForceFlag {
  readonly oracle: OracleName;
  readonly out: string;
  readonly every: number;
  readonly skip: number;
  readonly seed: number;
}

/** `gradus data distil`: runs an algorithm on bandits and writes its choices as examples. */
export function addDistilCommand(data: Command): void {
  addForceOption(data.command('distil'))
    .description("write the choices of an algorithm in a recipe's bandits as examples for gradus sft")
    .argument('<recipe>', 'recipe with bandits() and bandit()')
    .addOption(new Option('--oracle <name>', 'algorithm that plays').choices(oracleNames).default('ucb'))
    .requiredOption('--out <file>', '.jsonl file to write')
    .option('--every <n>', 'write every n-th turn', wholeNumber(1), 1)
    .option('--skip <n>', 'number of turns to leave out at the start of each episode', wholeNumber(), 0)
    .option('--seed <n>', "seed of the rewards and of the algorithm's draws", wholeNumber(), 0)
    .action(async (path: string, flags: DistilFlags, command: Command) => {
      const { oracle, out, every, skip, seed } = flags;
      requireLinesEnding('--out', out);
      requireFreeOutput('--out', out, [path], flags);
      const recipe = await loadRecipe(path);
      await using opened = new AsyncDisposableStack();
      const environmentOf = await openEnvironments(recipe, opened);
      const rows: string[] = [];
      let episodes = 0;
      for (const source of recipe.problems) {
        if (source.type !== 'bandits') continue;
        for (const problem of await loadProblems(source, recipe.baseDir ?? '.')) {
          const environment = environmentOf(problem);
          if (environment?.name !== 'bandit') {
            throw new ConfigError(
              `${path}: expected environments: { ${problem.domain}: bandit() }, got ${environment?.name ?? 'none'}`,
            );
          }
          let turn = 0;
          for await (const example of oracleExamples(problem, environment, oracle, seed + episodes))
            if (turn++ >= skip && (turn - 1 - skip) % every === 0) rows.push(JSON.stringify(example));
          episodes++;
        }
      }
      if (episodes === 0) throw new ConfigError(`${path}: expected problems: [bandits({ … })], found none`);
      await writeFileAtomic(out, rows.map((row) => `${row}\n`).join(''));
      outputOf(command).result(
        { episodes, examples: rows.length, oracle, out },
        `${countOf(rows.length, 'example')} by ${oracle} from ${countOf(episodes, 'episode')} in ${out}`,
      );
    });
}
