import * as z from 'zod';
import { Bridge, bridgeShape, packageVersion } from '../bridge/bridge.ts';
import { noun } from '../core/config-builder.ts';
import { DataError, VerifierError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { hashKey } from '../core/rng.ts';
import { durationMs, durationSchema } from '../core/text/duration.ts';
import { lastBoxed } from './math/extract/boxes.ts';
import { maxScanned } from './math/extract/extract.ts';
import { lastTag } from './math/extract/tags.ts';
import { answerStart } from './thinking.ts';
import type { Verifier } from './verifier.ts';

/** Judges answers to problems of `reasoningGym()` with the scorer of their dataset, in a Python process. */
export const reasoningGymAnswerConfig = z.strictObject({
  type: z.literal('reasoning-gym'),
  /**
   * The answer: the content of the last `<answer>` tags, as reasoning-gym's own prompts request; of the last box; or
   * the entire text.
   */
  extraction: z.enum(['tags', 'boxed', 'whole']).default('tags'),
  /** Lowest score that counts as correct. Scorers give partial credit, e.g. 0.01 for a readable wrong answer. */
  correctFrom: z.number().gt(0).max(1).default(1),
  /**
   * Whether each answer is scored in a process that can read only Python's libraries. Several scorers evaluate the
   * answer as Python; without a guard, it runs with your permissions.
   */
  isGuarded: z.boolean().default(true),
  /**
   * With a guard: limit on the CPU time per answer, in whole seconds; an answer that exceeds it gets the verdict
   * `timeout`.
   */
  maxCpu: durationSchema.default('10s'),
  ...bridgeShape,
});
type ReasoningGymAnswerConfig = z.output<typeof reasoningGymAnswerConfig>;

/** Creates the recipe entry for the scorers of reasoning-gym. Some scorers evaluate the answer as Python: see `isGuarded`. */
export const reasoningGymAnswer = noun(reasoningGymAnswerConfig);

/**
 * Opens the scorers. The version contains that of the package, because scorers and problems change with it.
 *
 * @throws ConfigError if the package is not installed.
 */
export function openReasoningGymAnswer(config: ReasoningGymAnswerConfig, baseDir: string): Verifier {
  const { extraction, correctFrom } = config;
  const installed = packageVersion('reasoning-gym', config.python, baseDir);
  const version = `1-${installed}-${hashKey(extraction, correctFrom).toString(36)}`;
  const verifier = `reasoning-gym@${version}`;
  const bridge = new Bridge({
    ...config,
    package: 'reasoning-gym',
    options: {
      isGuarded: config.isGuarded,
      maxCpuSeconds: Math.max(1, Math.ceil(durationMs(config.maxCpu) / 1000)),
    },
    baseDir,
    errorOf: (why) => new VerifierError(`reasoning-gym: ${why}`),
  });
  return {
    name: 'reasoning-gym',
    version,
    check: (problem) => void taskOf(problem),
    verify: async (problem, completion, signal) => {
      const task = taskOf(problem);
      const answer = extract(completion, extraction);
      if (answer === undefined)
        return {
          outcome: 'unparsed',
          score: 0,
          reason: `no answer was found (looked for: ${extraction})`,
          verifier,
        };
      const score = await bridge.score({ task, answer }, problem.id, signal);
      const evidence = { extracted: answer, ...(problem.answer !== undefined && { gold: problem.answer }) };
      if (score === null)
        return {
          outcome: 'timeout',
          score: 0,
          reason: `no score within ${config.maxCpu} of processor time`,
          verifier,
          evidence,
        };
      return {
        outcome: score >= correctFrom ? 'correct' : 'incorrect',
        score,
        reason: `the scorer of ${problem.family ?? 'the dataset'} returned ${score}; expected at least ${correctFrom}`,
        verifier,
        evidence,
      };
    },
    environment: async () => ({ package: installed }),
    [Symbol.asyncDispose]: () => bridge[Symbol.asyncDispose](),
  };
}

function taskOf({ id, source, extra }: Problem): object {
  const task = extra?.['reasoningGym'];
  if (typeof task === 'object' && task !== null) return task;
  throw new DataError(
    `problem ${id} (${source}): expected a problem of reasoningGym(), got one without "extra.reasoningGym"`,
  );
}

/**
 * Returns the answer in a completion, limited to its last characters and without surrounding white space; undefined if
 * there is none.
 */
function extract(completion: string, extraction: ReasoningGymAnswerConfig['extraction']): string | undefined {
  const start = Math.max(answerStart(completion), completion.length - maxScanned);
  const text = completion.slice(start);
  if (extraction === 'whole') return text.trim() === '' ? undefined : text.trim();
  if (extraction === 'boxed') {
    const box = lastBoxed(text);
    return box === undefined || box === 'unfinished' ? undefined : box.text.trim();
  }
  const tag = lastTag(text);
  return tag === undefined || tag === 'unfinished' ? undefined : text.slice(tag.start, tag.end).trim();
}
