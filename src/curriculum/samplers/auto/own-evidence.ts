import * as z from 'zod';
import type { Trials } from '../../../difficulty/pass-rates/trials.ts';

/** Share of a problem's evidence that remains when a new group arrives. */
const memory = 0.5;
/** Counts are stored in eighths of a trial, one byte each. */
const unit = 8;
const mostUnits = 255;
/**
 * Each notch of a problem's brake multiplies its weight by this factor. A group without progress adds a notch; a group
 * with progress removes one.
 */
const notchFactor = 0.8;
const mostNotches = 10;
/** Number of groups of a problem before its progress is judged. */
const visitsBeforeBrake = 1;
const mostVisits = 15;

/** Saved form of `OwnEvidence`: its three arrays in base64, each with one byte per problem. */
export const ownEvidenceState = z.strictObject({
  successes: z.base64(),
  failures: z.base64(),
  brakes: z.base64(),
});

/** Problems of one cell with equal evidence, which therefore have equal weight. */
export interface EvidenceClass {
  readonly cell: number;
  readonly successes: number;
  readonly failures: number;
  /** Factor of the problem's brake in (0, 1]. */
  readonly factor: number;
  /** Current number of problems in the class. */
  size: number;
}

/**
 * Evidence from each problem's own groups, in three bytes per problem: discounted successes and failures, and
 * a brake for problems whose pass rate does not change. Problems are kept in classes of equal evidence, so
 * that a step computes one weight per class.
 */
export class OwnEvidence {
  readonly #cellOf: Uint32Array;
  readonly #successes: Uint8Array;
  readonly #failures: Uint8Array;
  /** Upper four bits: number of visits; lower four bits: notches of the brake. */
  readonly #brakes: Uint8Array;
  readonly #classIndex = new Map<number, number>();
  readonly #classes: EvidenceClass[] = [];
  #visited = 0;
  /** Class of each problem. */
  readonly classOf: Uint32Array;

  /** @param measured trials of each problem before the first step. */
  constructor(cellOf: Uint32Array, measured: readonly Trials[]) {
    this.#cellOf = cellOf;
    this.#successes = new Uint8Array(cellOf.length);
    this.#failures = new Uint8Array(cellOf.length);
    this.#brakes = new Uint8Array(cellOf.length);
    this.classOf = new Uint32Array(cellOf.length);
    for (const [problem, { successes, trials }] of measured.entries())
      if (trials > 0) this.#store(problem, successes, trials - successes);
    this.#classify();
  }

  get classes(): readonly EvidenceClass[] {
    return this.#classes;
  }

  /** Number of problems that have had a group. */
  get visited(): number {
    return this.#visited;
  }

  /** Returns whether a problem has had a group. */
  isVisited(problem: number): boolean {
    return this.#brakes[problem]! > 0;
  }

  /** Returns the factor of a problem's brake in (0, 1]. */
  factor(problem: number): number {
    return this.#classes[this.classOf[problem]!]!.factor;
  }

  /**
   * Adds a group to a problem's evidence. @param isJudged whether the brake judges the problem's progress by
   * this group.
   */
  add(problem: number, { successes, trials }: Trials, isJudged: boolean): void {
    const before = { successes: this.#successes[problem]! / unit, failures: this.#failures[problem]! / unit };
    this.#brake(problem, before, { successes, trials }, isJudged);
    const failures = trials - successes;
    this.#store(problem, memory * before.successes + successes, memory * before.failures + failures);
    this.#classes[this.classOf[problem]!]!.size--;
    this.#enter(problem);
  }

  save(): z.infer<typeof ownEvidenceState> {
    return {
      successes: toBase64(this.#successes),
      failures: toBase64(this.#failures),
      brakes: toBase64(this.#brakes),
    };
  }

  /** Restores a saved state. @throws {RangeError} if it has more problems than the pool. */
  restore({ successes, failures, brakes }: z.infer<typeof ownEvidenceState>): void {
    this.#successes.set(Buffer.from(successes, 'base64'));
    this.#failures.set(Buffer.from(failures, 'base64'));
    this.#brakes.set(Buffer.from(brakes, 'base64'));
    this.#visited = this.#brakes.reduce((count, brake) => count + Number(brake > 0), 0);
    this.#classify();
  }

  /** Judges the progress of a problem by its new group, compared with its evidence so far. */
  #brake(
    problem: number,
    before: { successes: number; failures: number },
    { successes, trials }: Trials,
    isJudged: boolean,
  ): void {
    const visits = this.#brakes[problem]! >> 4;
    const notches = this.#brakes[problem]! & 15;
    const count = before.successes + before.failures + 1;
    const mean = (before.successes + 0.5) / count;
    const perTrial = Math.max(0.02, mean * (1 - mean));
    const error = Math.sqrt(trials * perTrial + (trials ** 2 * perTrial) / count);
    const isProgressing = successes - trials * mean > 0.5 * error;
    const moved = isProgressing ? Math.max(0, notches - 1) : Math.min(mostNotches, notches + 1);
    const next = isJudged && visits >= visitsBeforeBrake ? moved : notches;
    if (visits === 0) this.#visited++;
    this.#brakes[problem] = (Math.min(mostVisits, visits + 1) << 4) | next;
  }

  /** Stores counts; scales both down if one does not fit in a byte. */
  #store(problem: number, successes: number, failures: number): void {
    const scale = unit * Math.min(1, mostUnits / unit / Math.max(successes, failures));
    this.#successes[problem] = roundDown(successes * scale);
    this.#failures[problem] = roundDown(failures * scale);
  }

  #classify(): void {
    this.#classes.length = 0;
    this.#classIndex.clear();
    for (let problem = 0; problem < this.classOf.length; problem++) this.#enter(problem);
  }

  #enter(problem: number): void {
    const [successes, failures] = [this.#successes[problem]!, this.#failures[problem]!];
    const notches = this.#brakes[problem]! & 15;
    const cell = this.#cellOf[problem]!;
    const key = ((cell * 256 + successes) * 256 + failures) * 16 + notches;
    let index = this.#classIndex.get(key);
    if (index === undefined) {
      const factor = notchFactor ** notches;
      const counts = { successes: successes / unit, failures: failures / unit };
      index = this.#classes.push({ cell, ...counts, factor, size: 0 }) - 1;
      this.#classIndex.set(key, index);
    }
    this.#classes[index]!.size++;
    this.classOf[problem] = index;
  }
}

/**
 * Rounds to the nearest integer, with halves rounded down, so that a single eighth fades out instead of
 * staying forever.
 */
const roundDown = (value: number): number => Math.ceil(value - 0.5);

const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
