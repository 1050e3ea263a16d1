import type { Spending } from '../../core/spending.ts';
import type { ObservedGroup } from '../../difficulty/pass-rates/pass-rate-store.ts';

/** The cost of a measurement, the outcomes of its attempts, and the attempts made later. */
export interface Effort {
  readonly attempts: number;
  /**
   * `unparsed`: attempts without an answer; `timeouts`: timed-out ones; `ungradable`: those that could not be judged.
   */
  readonly unparsed: number;
  readonly timeouts: number;
  readonly ungradable: number;
  /** Attempts truncated at the token limit. */
  readonly truncated: number;
  /** Tokens read and written by the attempts that report them; absent if no attempt does. */
  readonly tokens?: { readonly attempts: number; readonly read: number; readonly written: number };
  /** Requests to a model server, and their cost in its currency if reported. */
  readonly served?: { readonly requests: number; readonly cost?: number };
  /**
   * Attempts made later, in training and at stage boundaries, and the step of the last one; absent if there were none.
   */
  readonly since?: { readonly attempts: number; readonly problems: number; readonly step: number };
}

/** Sums the recorded attempts. */
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

/** Formats the effort for the terminal. */
export function describeEffort(effort: Effort, outdated: number): string {
  const { attempts, tokens, served, since } = effort;
  const count = (value: number): string => value.toLocaleString('en-US');
  const ends = [
    [effort.unparsed, 'without an answer'],
    [effort.timeouts, 'timed out'],
    [effort.ungradable, 'could not be graded'],
    [effort.truncated, 'cut off at the token limit'],
  ] as const;
  const shown = ends.filter(([number]) => number > 0).map(([number, what]) => `${count(number)} ${what}`);
  return [
    [`${count(attempts)} attempts`, ...shown].join(', '),
    ...(tokens === undefined
      ? []
      : [
          `${count(tokens.written)} tokens written and ${count(tokens.read)} read in ${count(tokens.attempts)} of them`,
        ]),
    ...(served === undefined
      ? []
      : [
          `${count(served.requests)} requests to the server${served.cost === undefined ? '' : `, cost ${served.cost.toFixed(4)}`}`,
        ]),
    ...(since === undefined
      ? []
      : [
          `measured before training; training has since made ${count(since.attempts)} attempts at ` +
            `${count(since.problems)} of these problems, up to step ${since.step}`,
        ]),
    ...(outdated === 0
      ? []
      : [`${count(outdated)} problems were measured with another prompt, gold or tests and do not count`]),
  ].join('\n');
}
