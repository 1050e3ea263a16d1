import { DataError } from '../core/errors.ts';
import { shapeNamed, shapeOf, unknownShape } from './shapes/catalogue.ts';
import type { Columns, Shape } from './shapes/shape.ts';

/** What decides about shapes, of a `file` source. */
interface ShapeSettings {
  readonly shape?: string | undefined;
  readonly columns: { readonly prompt?: string | undefined };
}

/** A row's shape, and whether it was found in the row or named by the user. */
export interface ChosenShape {
  readonly shape: Shape;
  readonly isNamed: boolean;
}

/**
 * Chooses the shape of each row of a file. Rows may differ, as math and code do in one verl file; but two rows with the same
 * columns have the same shape, or one of them lacks what makes it out: a solution without its `#### 72`, read as a gold.
 */
export class RowShapes {
  readonly #settings: ShapeSettings;
  /** The shape of the rows with these columns. */
  readonly #seen = new Map<string, Shape>();
  #last: Shape | undefined;

  constructor(settings: ShapeSettings) {
    this.#settings = settings;
  }

  /** @throws DataError when no shape matches the first row, or the row has another than those with its columns. */
  of(row: Columns, where: string): ChosenShape {
    const { shape: name, columns } = this.#settings;
    if (name !== undefined) return { shape: this.#named(name, row), isNamed: true };
    if (columns.prompt !== undefined) return { shape: shapeNamed('gradus'), isNamed: true };
    const found = shapeOf(row);
    if (found === undefined && this.#last === undefined) throw unknownShape(row, where);
    if (found !== undefined) this.#requireSame(found, row, where);
    // A row that lost a column is read as its neighbours are, so that the error names the column.
    const shape = found ?? this.#last!;
    this.#last = shape;
    return { shape, isNamed: false };
  }

  /** The named shape; of shapes that mix in one file, the row's own. */
  #named(name: string, row: Columns): Shape {
    const shape = shapeNamed(name);
    const found = shape.mixes === true ? shapeOf(row) : undefined;
    return found?.mixes === true ? found : shape;
  }

  #requireSame(shape: Shape, row: Columns, where: string): void {
    const columns = Object.keys(row)
      .filter((column) => !isEmpty(row[column]))
      .toSorted()
      .join('\n');
    const earlier = this.#seen.get(columns) ?? shape;
    this.#seen.set(columns, earlier);
    if (earlier === shape || (earlier.mixes === true && shape.mixes === true)) return;
    throw new DataError(
      `${where}: expected a row of shape ${earlier.name}, as the rows before it with the same columns, got one of shape ` +
        `${shape.name} (${shape.reads}); correct the row, or read all of them with --shape ${shape.name}`,
    );
  }
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
