import * as z from 'zod';
import { columnsConfig } from './columns.ts';
import { locationShape } from './locate-files.ts';
import { hubAddress } from '../hub/address.ts';
import { shapeNames } from './shapes/catalogue.ts';
import { passRateLabel } from './shapes/pass-rate-label.ts';
import { wordingShape } from './wording.ts';

/**
 * Problems from a file of any format (JSON Lines, JSON, CSV, Parquet) and any known shape of rows: what `gradus data
 * import` reads. The name tells the format, the first row the shape.
 */
export const fileConfig = z.strictObject({
  type: z.literal('file'),
  ...locationShape,
  /** How the data set names its columns; absent: as the first row looks. */
  shape: z.enum(shapeNames).optional(),
  /** Columns that are called otherwise than in the shape. */
  columns: z.partialRecord(columnsConfig.keyof(), z.string()).default({}),
  /** What the file's difficulty columns say, beyond those that the shape knows. */
  passRates: z.array(passRateLabel).default([]),
  /** The domain of rows that name none; absent: as the shape says, else math. */
  domain: z.string().optional(),
  ...wordingShape,
  /** Whether a row that is no problem ends the reading or is left out and counted. */
  onError: z.enum(['stop', 'skip']).default('stop'),
});
export type FileConfig = z.infer<typeof fileConfig>;

/** Recipe noun for problems in a file of any known format and shape. */
export const file = (
  path: string,
  options: Omit<z.input<typeof fileConfig>, 'type' | 'path'> = {},
): z.input<typeof fileConfig> => ({ type: 'file', path, ...options });

/** What `hub` is told of a data set, besides what `file` takes. */
interface HubOptions extends Omit<z.input<typeof fileConfig>, 'type' | 'path'> {
  /** `owner/name`. */
  readonly dataset: string;
  /** A commit, tag or branch; `main` by default. */
  readonly revision?: string;
  /** A file, a pattern such as `data/train-*.parquet`, or a split such as `main/train`. */
  readonly path: string;
}

/** Recipe noun for problems from a Hugging Face hub: `file` with the address put together. */
export const hub = ({
  dataset,
  revision = 'main',
  path,
  ...options
}: HubOptions): z.input<typeof fileConfig> =>
  file(hubAddress({ kind: 'dataset', repository: dataset, revision, path }), options);
