import * as z from 'zod';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import type { Verdict } from '../../core/verdict.ts';
import { noun } from '../../core/config-builder.ts';
import type { Verifier } from '../verifier.ts';
import {
  compareRead,
  exactText,
  namesChoice,
  readAnswer,
  readPlainAnswer,
  type ReadAnswer,
  saysSameWords,
} from './answer.ts';
import { BudgetExceeded } from './budget.ts';
import { extractAnswer } from './extract/extract.ts';
import type { Extracted } from './extract/extracted.ts';
import { goldAnswer } from './gold.ts';
import { mathPolicy, type MathPolicy } from './comparison-policy.ts';
import { UnreadableAnswer } from './read/token.ts';

/** Revision of the verifier; increment it with every change that could affect a verdict. */
const revision = 4;
/** Maximum number of cached golds; the cache is cleared when it is full. */
const maxRemembered = 4096;

/** Config of the math verifier, which checks mathematical equality with the gold answer under a configurable policy. */
export const mathConfig = z.strictObject({ type: z.literal('math'), ...mathPolicy.shape });

/**
 * Creates the recipe entry for the math verifier, which compares answers by meaning: `0.5`, `\frac12` and `x = 1/2` are the same
 * answer.
 *
 * @example
 * const verifier = mathAnswer({ extraction: 'boxed', lists: 'ordered' });
 */
export const mathAnswer = noun(mathConfig);

/** Opens the verifier, whose only state is a cache of parsed golds. */
export function openMathAnswer(config: z.output<typeof mathConfig>): Verifier {
  const { type: _type, ...policy } = config;
  const version = `${revision}-${hashKey(JSON.stringify(policy)).toString(36)}`;
  const understood = new Map<string, ReadAnswer | Error>();
  const readGold = (answer: string): ReadAnswer | Error => {
    const known = understood.get(answer);
    if (known !== undefined) return known;
    if (understood.size >= maxRemembered) understood.clear();
    const read = attempt(() => goldAnswer(answer));
    understood.set(answer, read);
    return read;
  };
  return {
    name: 'math',
    version,
    check: (problem) => checkGold(problem, readGold),
    verify: (problem, completion) =>
      Promise.resolve(judge(problem.answer, completion, policy, readGold, `math@${version}`)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

type ReadGold = (answer: string) => ReadAnswer | Error;

function checkGold(problem: Problem, readGold: ReadGold): void {
  const read = problem.answer === undefined ? new Error('the problem has no gold') : readGold(problem.answer);
  if (!(read instanceof Error)) return;
  const isBlank = (problem.answer ?? '').trim() === '';
  throw new DataError(
    `problem ${problem.id} (${problem.source}): expected a gold answer${isBlank ? '' : ' that can be read as mathematics'}, ` +
      `got ${JSON.stringify(problem.answer) ?? 'none'}${isBlank ? '' : ` (${read.message})`}. Correct it or leave the problem out.`,
    { code: 'GOLD_UNREADABLE', tryNext: `gradus data check ${problem.source}` },
  );
}

function judge(
  gold: string | undefined,
  completion: string,
  policy: MathPolicy,
  readGold: ReadGold,
  verifier: string,
): Verdict {
  const goldRead = gold === undefined ? new Error('the problem has no gold') : readGold(gold);
  const verdict = (outcome: Verdict['outcome'], reason: string, evidence: Verdict['evidence']): Verdict => ({
    outcome,
    score: outcome === 'correct' ? 1 : 0,
    reason,
    verifier,
    evidence: { gold: gold ?? null, ...evidence },
  });
  if (goldRead instanceof Error) {
    return verdict('ungradable', `the gold answer cannot be read: ${goldRead.message}`, {
      rule: 'unreadable gold',
    });
  }
  let plain: ReadAnswer | undefined;
  const extracted = extractAnswer(completion, policy.extraction, (text) => {
    plain = readPlainAnswer(text);
    return plain !== undefined;
  });
  if (extracted === undefined || extracted.text.trim() === '') {
    return verdict('unparsed', `no answer was found (looked for: ${policy.extraction})`, {
      rule: 'no answer',
    });
  }
  const read = plain?.source === extracted.text ? plain : attempt(() => readAnswer(extracted.text));
  return judgeExtracted(goldRead, { ...extracted, read }, policy, verdict);
}

type Report = (outcome: Verdict['outcome'], reason: string, evidence: Verdict['evidence']) => Verdict;

function judgeExtracted(
  gold: ReadAnswer,
  extracted: Extracted & { readonly read: ReadAnswer | Error },
  policy: MathPolicy,
  report: Report,
): Verdict {
  const evidence = {
    extracted: extracted.text,
    foundBy: extracted.by,
    span: [extracted.start, extracted.end],
    normalised: { gold: gold.normalised },
  };
  const { read } = extracted;
  if (read instanceof BudgetExceeded)
    return report('timeout', 'reading the answer takes more steps than the limit', evidence);
  if (read instanceof Error && namesChoice(gold, extracted.text)) {
    return report('correct', `chooses ${gold.source}`, { ...evidence, rule: 'same choice' });
  }
  if (read instanceof Error && saysSameWords(gold, extracted.text)) {
    return report('correct', `same words as ${shorten(gold.source)}`, { ...evidence, rule: 'same words' });
  }
  if (read instanceof Error) {
    return report('incorrect', `the answer cannot be read: ${read.message}`, {
      ...evidence,
      rule: 'unreadable answer',
    });
  }
  const value = exactText(read);
  const facts = {
    ...evidence,
    normalised: { gold: gold.normalised, answer: read.normalised },
    ...(value !== undefined && { value }),
  };
  const comparison = attempt(() => compareRead(gold, read, policy));
  if (comparison instanceof Error) {
    return report('timeout', 'comparing the answer takes more steps than the limit', {
      ...facts,
      rule: 'step budget',
    });
  }
  const { isEqual, rule } = comparison;
  const reason = `${shorten(extracted.text)} ${isEqual ? 'equals' : 'is not'} ${shorten(gold.source)}: ${rule}`;
  return report(isEqual ? 'correct' : 'incorrect', reason, { ...facts, rule });
}

/**
 * Returns the result of `work`, or the error if an answer could not be read or judged. Other errors are bugs and are
 * rethrown.
 */
function attempt<T>(work: () => T): T | UnreadableAnswer | BudgetExceeded {
  try {
    return work();
  } catch (error) {
    if (error instanceof UnreadableAnswer || error instanceof BudgetExceeded) return error;
    throw error;
  }
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
