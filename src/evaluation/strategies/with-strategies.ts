import { resolve } from 'node:path';
import { ConfigError } from '../../core/errors.ts';
import { type SuiteConfig, suiteConfig } from '../../recipe/suite.ts';

/** Strategies from command-line flags. */
export interface StrategyFlags {
  /** E.g. `majority`, `bestOfN`, `beam:4`, `dvts:4`; empty: the strategies of the suite. */
  readonly strategies: readonly string[];
  /** Budgets N, each a number of answers, e.g. `4,16,64`. */
  readonly budgets?: string | undefined;
  /** `verifier`, `confidence`, or the folder of a scorer trained with `gradus prm train`. */
  readonly scorer?: string | undefined;
}

/**
 * Returns suites with their strategies replaced by those of the flags; unchanged without flags.
 *
 * @throws ConfigError if a strategy or the scorer is unknown, or if a budget is invalid.
 */
export function withStrategies<Suite extends SuiteConfig>(
  suites: readonly Suite[],
  { strategies, budgets, scorer }: StrategyFlags,
): Suite[] {
  const named = {
    ...(strategies.length > 0 && { strategies: strategies.map(parseStrategy) }),
    ...(budgets !== undefined && { budgets: budgets.split(',').map(Number) }),
    ...(scorer !== undefined && { scorer: parseScorer(scorer) }),
  };
  const checked = suiteConfig.pick({ strategies: true, budgets: true, scorer: true }).safeParse(named);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const given = [...strategies, budgets, scorer].filter((flag) => flag !== undefined).join(' ');
    throw new ConfigError(
      `expected strategies majority, best-of-n, asked:WAY, beam:WIDTH or dvts:WIDTH, budgets such as 4,16 and scorer verifier, confidence or a folder, got ${given}: ${issue!.message}`,
      { tryNext: 'gradus eval --help' },
    );
  }
  return suites.map((suite) => ({ ...suite, ...checked.data }));
}

/** Parses `verifier`, `confidence`, or a folder relative to the working directory. */
const parseScorer = (text: string): object =>
  text === 'verifier' || text === 'confidence' ? { type: text } : { type: 'model', model: resolve(text) };

/**
 * Parses `beam:4` to `{ type: 'beam', width: 4 }`, and `asked:decomposition` to `{ type: 'asked', way:
 * 'decomposition' }`.
 */
function parseStrategy(text: string): object {
  const [type, option] = text.split(':');
  if (option === undefined) return { type };
  return type === 'asked' ? { type, way: option } : { type, width: Number(option) };
}
