import * as z from 'zod';
import { columnsConfig } from './columns.ts';
import { locationShape } from './locate-files.ts';
import { hubAddress } from '../hub/address.ts';
import { shapeNames } from './shapes/catalogue.ts';
import { passRateLabel } from './shapes/pass-rate-label.ts';
import { instructionShape } from './instruction.ts';

/**
 * Problems from a file of any format (JSON Lines, JSON, CSV, Parquet) and any known shape of rows, as `gradus data
 * import` reads it. The file's extension selects the format; the columns of each row select its shape.
 */
export const fileConfig = z.strictObject({
  type: z.literal('file'),
  ...locationShape,
  /** The shape of all rows; by default, it is detected for each row. */
  shape: z.enum(shapeNames).optional(),
  /** Columns whose names differ from those of the shape. */
  columns: z.partialRecord(columnsConfig.keyof(), z.string()).default({}),
  /** Descriptions of difficulty columns that the shape does not cover. */
  passRates: z.array(passRateLabel).default([]),
  /** The domain of rows that do not name one; default: that of the shape, else `math`. */
  domain: z.string().optional(),
  ...instructionShape,
  /** What to do with an invalid row: stop with an error, or skip and count the row. */
  onError: z.enum(['stop', 'skip']).default('stop'),
});
export type FileConfig = z.infer<typeof fileConfig>;

/** Creates the recipe entry for problems in a file of any known format and shape. */
export const file = (
  path: string,
  options: Omit<z.input<typeof fileConfig>, 'type' | 'path'> = {},
): z.input<typeof fileConfig> => ({ type: 'file', path, ...options });

/** Names a data set on a hub; other options are those of `file`. */
interface HubOptions extends Omit<z.input<typeof fileConfig>, 'type' | 'path'> {
  /** `owner/name`. */
  readonly dataset: string;
  /** A commit, tag or branch; `main` by default. */
  readonly revision?: string;
  /** A file, a pattern such as `data/train-*.parquet`, or a split such as `main/train`. */
  readonly path: string;
}

/** Creates the recipe entry for problems on a Hugging Face hub: `file` with the hub address built from its parts. */
export const hub = ({
  dataset,
  revision = 'main',
  path,
  ...options
}: HubOptions): z.input<typeof fileConfig> =>
  file(hubAddress({ kind: 'dataset', repository: dataset, revision, path }), options);
