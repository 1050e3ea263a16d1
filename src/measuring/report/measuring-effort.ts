import type { Spending } from '../../core/spending.ts';
import type { ObservedGroup } from '../../difficulty/pass-rates/pass-rate-store.ts';

/** What a measurement took, how its attempts ended, and how old it is. */
export interface Effort {
  readonly attempts: number;
  /** Attempts that no verdict was found for, or that ran into a limit. */
  readonly unparsed: number;
  readonly timeouts: number;
  readonly ungradable: number;
  /** Attempts cut off at the token limit. */
  readonly truncated: number;
  /** Tokens read and written, of the attempts of which they are known; absent: of none. */
  readonly tokens?: { readonly attempts: number; readonly read: number; readonly written: number };
  /** What a model server stated: requests, and what they cost in its currency where it says. */
  readonly served?: { readonly requests: number; readonly cost?: number };
  /** Attempts made by training and at stage boundaries since, and the last step they were made at; absent: none. */
  readonly since?: { readonly attempts: number; readonly problems: number; readonly step: number };
}

/** Adds up the attempts on record. */
export function effortOf(groups: readonly ObservedGroup[], { requests, cost }: Spending): Effort {
  const base = groups.filter(({ source }) => source.type === 'base');
  const later = groups.filter(({ source }) => source.type !== 'base');
  const sum = (count: (group: ObservedGroup) => number): number =>
    base.reduce((total, group) => total + count(group), 0);
  const counted = sum((group) => group.countedAttempts);
  return {
    attempts: sum((group) => group.attempts),
    unparsed: sum((group) => group.unparsed),
    timeouts: sum((group) => group.timeouts),
    ungradable: sum((group) => group.ungradable),
    truncated: sum((group) => group.truncated),
    ...(counted === 0
      ? {}
      : {
          tokens: {
            attempts: counted,
            read: sum((group) => group.promptTokens),
            written: sum((group) => group.tokens),
          },
        }),
    ...(requests === 0 ? {} : { served: { requests, ...(cost === undefined ? {} : { cost }) } }),
    ...(later.length === 0
      ? {}
      : {
          since: {
            attempts: later.reduce((total, { attempts }) => total + attempts, 0),
            problems: new Set(later.map(({ problemId }) => problemId)).size,
            step: later.reduce((last, { step }) => Math.max(last, step), 0),
          },
        }),
  };
}

/** The same in sentences for the terminal. */
export function describeEffort(effort: Effort, outdated: number): string {
  const { attempts, tokens, served, since } = effort;
  const count = (value: number): string => value.toLocaleString('en-US');
  const ends = [
    [effort.unparsed, 'without an answer'],
    [effort.timeouts, 'timed out'],
    [effort.ungradable, 'could not be graded'],
    [effort.truncated, 'cut off at the token limit'],
  ] as const;
  const told = ends.filter(([number]) => number > 0).map(([number, what]) => `${count(number)} ${what}`);
  return [
    [`${count(attempts)} attempts`, ...told].join(', '),
    ...(tokens === undefined
      ? []
      : [
          `${count(tokens.written)} tokens written and ${count(tokens.read)} read in ${count(tokens.attempts)} of them`,
        ]),
    ...(served === undefined
      ? []
      : [
          `${count(served.requests)} requests to the server${served.cost === undefined ? '' : `, which cost ${served.cost.toFixed(4)}`}`,
        ]),
    ...(since === undefined
      ? []
      : [
          `measured before training; up to step ${since.step} training made ${count(since.attempts)} attempts at ` +
            `${count(since.problems)} of these problems since`,
        ]),
    ...(outdated === 0
      ? []
      : [`${count(outdated)} problems were measured with another prompt, gold or tests and do not count`]),
  ].join('\n');
}
