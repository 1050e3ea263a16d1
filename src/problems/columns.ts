import * as z from 'zod';

/** Names the column that contains each part of a problem; a part whose column is missing is absent. */
export const columnsConfig = z.strictObject({
  /** Without this column, a row's id is a digest of its content. */
  id: z.string().default('id'),
  /** A string, or a list of chat messages. */
  prompt: z.string().default('prompt'),
  /** A list of prompts that ask the same question. */
  wordings: z.string().default('wordings'),
  /**
   * A list of images: bytes, paths relative to the file, data URIs. By default also `multi_modal_data`, `decoded_image`
   * and `image`.
   */
  images: z.string().default('images'),
  answer: z.string().default('answer'),
  tests: z.string().default('tests'),
  domain: z.string().default('domain'),
  family: z.string().default('family'),
  solution: z.string().default('solution'),
  knob: z.string().default('knob'),
  /** Where the problem was published; default: the file. */
  source: z.string().default('source'),
  licence: z.string().default('licence'),
  /** A list of {model, successes, trials}. */
  passRates: z.string().default('passRates'),
});

/** The column of each part of a problem. */
export type ColumnNames = z.output<typeof columnsConfig>;
