/**
 * Measures how much accuracy each way of spending tokens on a problem gains, by difficulty, with step scorers of
 * known quality.
 *
 *   npm run bench:strategies -- [--seeds 5] [--problems 160] [--aucs 0.65,0.8,0.95] [--budgets 4,16,64] [--json]
 *
 * The policy is simulated: chains of operations worked with systematic errors (`bench/strategies/careless-chains.ts`). Each
 * seed has its own problems, misconceptions and scorer noise. Bins are ranges of measured pass rates; intervals are 95
 * % t-intervals over seeds. The checks are for the scorer of AUC 0.8 at the largest budget, where `max` is most
 * affected by errors of the scorer (order of the strategies), and for the scorer of AUC 0.65 (warning).
 */
import { parseArgs } from 'node:util';
import { suiteConfig } from '../src/recipe/suite.ts';
import { evaluateStrategies } from '../src/evaluation/strategies/evaluate-strategies.ts';
import type { StrategyReport } from '../src/evaluation/strategies/strategy-report.ts';
import { syntheticScorer } from '../src/testing/index.ts';
import type { Verdict } from '../src/core/verdict.ts';
import { openVerifier, verifierConfig } from '../src/verifiers/config.ts';
import type { Verifier } from '../src/verifiers/verifier.ts';
import { carelessChains } from './strategies/careless-chains.ts';
import { checksOf, formatChecks, formatFigures } from './strategies/report.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    problems: { type: 'string', default: '160' },
    aucs: { type: 'string', default: '0.65,0.8,0.95' },
    budgets: { type: 'string', default: '4,16,64' },
    json: { type: 'boolean', default: false },
  },
});
const say = options.json ? () => undefined : console.log;
const aucs = options.aucs.split(',').map(Number);
const width = 4;
const suite = suiteConfig.parse({
  name: 'careless-chains',
  maxTokens: 64,
  stepSeparator: ';',
  budgets: options.budgets.split(',').map(Number),
  strategies: [{ type: 'majority' }, { type: 'best-of-n' }, { type: 'beam', width }, { type: 'dvts', width }],
});

await using math = openVerifier(verifierConfig.parse({ type: 'math' }));
/** Verdicts by problem and answer: a problem has few distinct answers, and every strategy judges them again. */
const verdicts = new Map<string, Promise<Verdict>>();
const verifier: Verifier = {
  name: math.name,
  version: math.version,
  check: (problem) => math.check(problem),
  verify: (problem, answer) => {
    const key = `${problem.id} ${answer.slice(answer.lastIndexOf('\\boxed'))}`;
    const verdict = verdicts.get(key) ?? math.verify(problem, answer);
    verdicts.set(key, verdict);
    return verdict;
  },
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
const reports = new Map<number, StrategyReport[]>(aucs.map((auc) => [auc, []]));
for (let seed = 1; seed <= Number(options.seeds); seed++) {
  const { problems, engine, isRight } = carelessChains(seed, Number(options.problems));
  for (const auc of aucs) {
    const start = performance.now();
    const report = await evaluateStrategies({
      engine,
      verifierFor: () => verifier,
      problems,
      suite,
      seed,
      scorer: syntheticScorer({ auc, isRight, seed }),
    });
    reports.get(auc)!.push(report);
    const { easy, medium, hard } = report.bins;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    say(
      `seed ${seed}, AUC ${auc}: ${seconds} s; easy ${easy}, medium ${medium}, hard ${hard}; ${report.warnings.length} warnings`,
    );
    for (const warning of report.warnings) say(`  ! ${warning}`);
  }
}
for (const [auc, some] of reports) say(`\nAUC ${auc}\n${formatFigures(some)}`);
const budget = Math.max(...suite.budgets!);
const checks = checksOf(reports, budget);
say(`\n${formatChecks(checks)}`);
if (options.json) console.log(JSON.stringify({ budget, checks, reports: Object.fromEntries(reports) }));
