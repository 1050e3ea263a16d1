import { contentDigest } from '../storage/content-digest.ts';
import { DataError } from '../core/errors.ts';

const rowsAtMost = 2 ** 30;

/**
 * Assigns distinct ids to problems that are read together. An id in a row is kept. A row without one gets a digest of
 * its content, so that pass rates, splits and resumed runs still find it after its file was moved, sorted, cut or
 * exported again, and never match a different problem. An id such as `path:row` would fail in each of these cases.
 */
export class ProblemIds {
  /**
   * First position of each given id, packed as file × `rowsAtMost` + row; as text, it would take more memory than the
   * id.
   */
  readonly #stated = new Map<string, number>();
  readonly #files: string[] = [];
  readonly #copies = new Map<string, number>();

  /**
   * Registers an id given in a row.
   *
   * @throws DataError if another row has the same id, because pass rates stored under it would be ambiguous.
   */
  stated(id: string, file: string, row: number, column: string): string {
    if (this.#files.at(-1) !== file) this.#files.push(file);
    const earlier = this.#stated.get(id);
    if (earlier === undefined) {
      this.#stated.set(id, (this.#files.length - 1) * rowsAtMost + row);
      return id;
    }
    const first = `${this.#files[Math.floor(earlier / rowsAtMost)]}:${earlier % rowsAtMost}`;
    throw new DataError(
      `${file}:${row}: expected a new "${column}", got ${JSON.stringify(id)} again (first at ${first}); ` +
        'to derive ids from the content instead, name a column that does not exist as the id',
      { tryNext: 'gradus data import … --column id=none' },
    );
  }

  /** Returns the digest of a problem's content; the second copy of the same content gets the suffix `-2`. */
  ofContent(problem: Parameters<typeof contentDigest>[0]): string {
    const id = contentDigest(problem);
    const copies = (this.#copies.get(id) ?? 0) + 1;
    this.#copies.set(id, copies);
    return copies === 1 ? id : `${id}-${copies}`;
  }
}
