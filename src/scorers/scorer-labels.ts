import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Renderer } from '../engines/engine.ts';
import { readout } from './readout.ts';

/** Name of the file in a scorer's folder that lists its label tokens. */
export const labelsFile = 'scorer.json';

const labelTexts = z.object({ good: z.string().min(1), bad: z.string().min(1) });
const scorerFile = labelTexts.extend({ readout: readout.optional() });

/** Strings of the two labels; each is one token. */
export type LabelTexts = z.output<typeof labelTexts>;

/** Token ids of the two labels. */
export interface LabelTokens {
  readonly good: number;
  readonly bad: number;
}

/** Labels of scorers trained with `gradus prm train`, as in Math-Shepherd's data. */
export const defaultLabels: LabelTexts = { good: '+', bad: '-' };

/**
 * Reads the labels from a scorer's folder, and the readout if the scorer was trained on rollouts with
 * log-probabilities.
 *
 * @throws DataError if `gradus prm train` did not create the folder.
 */
export async function readLabels(folder: string): Promise<z.output<typeof scorerFile>> {
  const path = join(folder, labelsFile);
  try {
    return scorerFile.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new DataError(
      `${path}: expected the labels of a step scorer, but cannot read them (${String(cause)})`,
      {
        cause,
        tryNext: `gradus prm train <run> --out ${folder}`,
      },
    );
  }
}

/**
 * Returns the tokens of the labels.
 * @throws DataError if a label is not exactly one token, or if the labels are equal.
 */
export function labelTokens(renderer: Pick<Renderer, 'encode'>, texts: LabelTexts): LabelTokens {
  const tokenOf = (text: string): number => {
    const tokens = renderer.encode(text);
    if (tokens.length === 1) return tokens[0]!;
    throw new DataError(
      `label ${JSON.stringify(text)}: expected one token of the model, got ${tokens.length}`,
      { tryNext: 'gradus prm train <run> --good <text> --bad <text>' },
    );
  };
  const labels = { good: tokenOf(texts.good), bad: tokenOf(texts.bad) };
  if (labels.good !== labels.bad) return labels;
  throw new DataError(`labels: expected two different tokens, got ${JSON.stringify(texts.good)} for both`, {
    tryNext: 'gradus prm train <run> --good <text> --bad <text>',
  });
}

/**
 * Appends one position to the tokens of an attempt. The label after token t − 1 is the target at t, so the label after
 * the last token needs one more position, which the model never reads.
 */
export function withLabelPlace(tokens: Int32Array): Int32Array {
  const longer = new Int32Array(tokens.length + 1);
  longer.set(tokens);
  return longer;
}
