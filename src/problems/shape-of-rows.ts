import { DataError } from '../core/errors.ts';
import { shapeNamed, shapeOf, unknownShape } from './shapes/catalogue.ts';
import type { Columns, Shape } from './shapes/shape.ts';

/** The settings of a `file` source that select a shape. */
interface ShapeSettings {
  readonly shape?: string | undefined;
  readonly columns: { readonly prompt?: string | undefined };
}

/** A row's shape, and whether the settings named it. */
export interface ChosenShape {
  readonly shape: Shape;
  readonly isNamed: boolean;
}

/**
 * Detects the shape of each row in a file. Rows may differ, as math and code do in one verl file. Two rows with the
 * same columns must have the same shape. Otherwise one of them lacks its marker, such as a GSM8K solution without `####
 * 72`, and would be read as a bare gold.
 */
export class RowShapes {
  readonly #settings: ShapeSettings;
  /** Maps the names of a row's filled columns to the shape of such rows. */
  readonly #seen = new Map<string, Shape>();

  constructor(settings: ShapeSettings) {
    this.#settings = settings;
  }

  /**
   * Returns a row's shape. @throws DataError if no shape matches the first row, or if earlier rows with the same
   * columns had a different shape.
   */
  of(row: Columns, where: string): ChosenShape {
    const { shape: name, columns } = this.#settings;
    if (name !== undefined) return { shape: this.#named(name, row), isNamed: true };
    if (columns.prompt !== undefined) return { shape: shapeNamed('gradus'), isNamed: true };
    const found = shapeOf(row);
    if (found === undefined && this.#seen.size === 0) throw unknownShape(row, where);
    if (found !== undefined) this.#requireSame(found, row, where);
    // If no shape matches, a column is missing: use the shape of the most similar row, so that the error names it.
    const shape = found ?? this.#mostSimilar(row);
    return { shape, isNamed: false };
  }

  /** Returns the shape of the earlier rows that have the most columns in common with a row, the latest of them. */
  #mostSimilar(row: Columns): Shape {
    const own = new Set(filledColumns(row));
    const shared = (columns: string): number => columns.split('\n').filter((one) => own.has(one)).length;
    return [...this.#seen].reduce((best, one) => (shared(one[0]) >= shared(best[0]) ? one : best))[1];
  }

  /** Returns the named shape, or the row's own if both may occur in one file. */
  #named(name: string, row: Columns): Shape {
    const shape = shapeNamed(name);
    const found = shape.mixes === true ? shapeOf(row) : undefined;
    return found?.mixes === true ? found : shape;
  }

  #requireSame(shape: Shape, row: Columns, where: string): void {
    const columns = filledColumns(row).join('\n');
    const earlier = this.#seen.get(columns) ?? shape;
    this.#seen.set(columns, earlier);
    if (earlier === shape || (earlier.mixes === true && shape.mixes === true)) return;
    throw new DataError(
      `${where}: expected a row of shape ${earlier.name}, like the earlier rows with the same columns, got one of shape ` +
        `${shape.name} (${shape.reads}); correct the row, or read all of them with --shape ${shape.name}`,
    );
  }
}

const filledColumns = (row: Columns): string[] => Object.keys(row).filter((column) => !isEmpty(row[column]));

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
