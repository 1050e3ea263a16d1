import { contentDigest } from '../storage/content-digest.ts';
import { DataError } from '../core/errors.ts';

const rowsAtMost = 2 ** 30;

/**
 * Gives problems that are read together distinct ids. An id that a row states is kept. A row without one is named by what
 * it says, so that pass rates, splits and resumes find it again after its file was moved, sorted, cut or exported anew,
 * and never take another problem for it; `path:row` would do the opposite in each of these cases.
 */
export class ProblemIds {
  /** Where each stated id was seen first: its row, and its file times `rowsAtMost`; a text for each would cost more than the ids. */
  readonly #stated = new Map<string, number>();
  readonly #files: string[] = [];
  readonly #copies = new Map<string, number>();

  /**
   * An id as its row states it.
   * @throws DataError when another problem has it: whose pass rates would those under it be?
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
        'name a column that is not there as the id to name the rows by their content instead',
      { tryNext: 'gradus data import … --column id=none' },
    );
  }

  /** The digest of what a problem says; the second one that says the very same has `-2` behind it. */
  ofContent(problem: Parameters<typeof contentDigest>[0]): string {
    const id = contentDigest(problem);
    const copies = (this.#copies.get(id) ?? 0) + 1;
    this.#copies.set(id, copies);
    return copies === 1 ? id : `${id}-${copies}`;
  }
}
