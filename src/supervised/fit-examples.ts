import { countOf } from '../core/text/count.ts';
import { DataError } from '../core/errors.ts';
import type { LearningEngine } from '../engines/engine.ts';
import { countUnknown, percent } from '../models/unknown-tokens.ts';
import type { SupervisedExample } from './supervised.ts';

/** Examples from which the model can learn, and warnings about the others. */
export interface FittingExamples {
  readonly fitting: readonly SupervisedExample[];
  readonly warnings: readonly string[];
}

/**
 * Omits examples longer than the model's window, and warns about text that the tokenizer cannot encode.
 *
 * @throws DataError if no example fits.
 */
export function fitExamples(
  { renderer, sampler }: Pick<LearningEngine, 'renderer' | 'sampler'>,
  examples: readonly SupervisedExample[],
): FittingExamples {
  const { maxSequenceTokens = Infinity } = sampler.info;
  const parts = examples.map((example) => {
    const [prompt, completion] = [renderer.render(example.prompt), renderer.encode(example.completion)];
    // Count the end token, which follows the completion.
    return { example, prompt, completion, length: prompt.length + completion.length + 1 };
  });
  const fitting = parts.filter(({ length }) => length <= maxSequenceTokens);
  if (fitting.length === 0 && parts.length > 0) {
    throw new DataError(
      `expected examples of at most ${maxSequenceTokens} tokens, the model's window; all ${parts.length} are longer, the first has ${parts[0]!.length}`,
    );
  }
  const left = parts.length - fitting.length;
  return {
    fitting: fitting.map(({ example }) => example),
    warnings: [
      ...(left === 0
        ? []
        : [
            `left out ${left} of ${countOf(parts.length, 'example')}: longer than the model's window of ${maxSequenceTokens} tokens`,
          ]),
      ...unknownWarnings(renderer, fitting),
    ],
  };
}

function unknownWarnings(
  { unknownToken }: LearningEngine['renderer'],
  parts: readonly { readonly prompt: Int32Array; readonly completion: Int32Array }[],
): string[] {
  if (unknownToken === undefined) return [];
  return (['prompt', 'completion'] as const).flatMap((part) => {
    const sequences = parts.map((one) => one[part]);
    const { unknown, total } = countUnknown(sequences, unknownToken.id);
    if (unknown === 0) return [];
    const affected = sequences.filter((tokens) => tokens.includes(unknownToken.id)).length;
    return [
      `${percent(unknown / total)} of ${part} tokens are ${unknownToken.text}, in ${affected} of ${countOf(parts.length, 'example')}: the tokenizer cannot encode this text`,
    ];
  });
}
