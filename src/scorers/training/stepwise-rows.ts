import * as z from 'zod';
import { DataError } from '../../core/errors.ts';
import { hashKey } from '../../core/rng.ts';
import type { Renderer } from '../../engines/engine.ts';
import { stepEnds } from '../../rollout/strategies/step-ends.ts';
import { flattenTokens } from '../../engines/flatten-tokens.ts';
import { readJsonRows } from '../../storage/rows/json-lines.ts';
import type { LabelledAttempt } from './labelled-attempt.ts';
import { heldOutShare, type ScorerData } from './run-attempts.ts';

/** A row of TRL's stepwise supervision format: one label per step. Other columns are ignored. */
const stepwiseRow = z.object({
  prompt: z.string(),
  completions: z.array(z.string()).min(1),
  labels: z.array(z.boolean()).min(1),
});

/** One row of TRL's stepwise supervision format, which its `PRMTrainer` reads. */
export type StepwiseRow = z.output<typeof stepwiseRow>;

/**
 * Reads labelled steps from JSON Lines in TRL's stepwise supervision format. A row counts as correct if its last label
 * is true. Holds out a tenth of the prompts.
 *
 * @param separator text between steps, like TRL's `step_separator`.
 * @throws DataError naming the file, the row, the expected format and the actual content.
 */
export async function readStepwiseRows(
  file: string,
  renderer: Pick<Renderer, 'render' | 'encode'>,
  separator: string,
): Promise<ScorerData> {
  const attempts: LabelledAttempt[] = [];
  for await (const { row, value } of readJsonRows(file, file)) {
    const parsed = stepwiseRow.safeParse(value);
    if (!parsed.success) throw new DataError(`${file}:${row}: ${z.prettifyError(parsed.error)}`);
    attempts.push(attemptOf(parsed.data, `${file}:${row}`, renderer, separator));
  }
  const isHeldOut = ({ problemId }: LabelledAttempt): boolean =>
    hashKey('held out of the scorer', problemId) % 1000 < 1000 * heldOutShare;
  const heldOut = attempts.filter(isHeldOut);
  const train = attempts.filter((attempt) => !isHeldOut(attempt));
  return { train, heldOut, heldOutFrom: 'a tenth of the prompts' };
}

function attemptOf(
  { prompt, completions, labels }: StepwiseRow,
  where: string,
  renderer: Pick<Renderer, 'render' | 'encode'>,
  separator: string,
): LabelledAttempt {
  if (labels.length !== completions.length)
    throw new DataError(
      `${where}: expected one label per completion, got ${labels.length} for ${completions.length}`,
    );
  const last = completions.length - 1;
  const parts = [renderer.render([{ role: 'user', content: prompt }])];
  const places: number[] = [];
  let length = parts[0]!.length;
  for (const [at, step] of completions.entries()) {
    const tokens = renderer.encode(at === last ? step : step + separator);
    parts.push(tokens);
    places.push((length += tokens.length));
  }
  const tokens = flattenTokens(parts);
  return {
    problemId: prompt,
    domain: 'steps',
    prompt,
    group: prompt,
    tokens,
    places,
    labels,
    isCorrect: labels.at(-1)!,
  };
}

/** Converts an attempt to a row: steps without their separators, each with the attempt's own label. */
export function stepwiseRowOf(
  { prompt, tokens, places, isCorrect }: LabelledAttempt,
  separator: string,
  decode: Renderer['decode'],
): StepwiseRow {
  const start = places[0]!;
  const ends = stepEnds(tokens, start, separator, decode);
  const completions = ends.map((end, at) => {
    const text = decode(tokens.subarray(at === 0 ? start : ends[at - 1], end));
    return text.endsWith(separator) ? text.slice(0, -separator.length) : text;
  });
  return { prompt, completions, labels: completions.map(() => isCorrect) };
}
