import type { PoolProblem } from './problem-sampler.ts';

/**
 * Groups of problems that share evidence, and the sources to which they belong. A cell never spans two
 * sources, because the progress of a source is judged against the means of its cells.
 */
export interface Cells {
  /** Cell of each problem, in the order of the pool. */
  readonly cellOf: Uint32Array;
  /** Source of each cell. */
  readonly sourceOf: Uint32Array;
  /** Name of each source: its family, or the data set if the problems have no family. */
  readonly sources: readonly string[];
}

/**
 * Splits a pool into cells. A source is the problems from one data set, domain and family. It has one cell per
 * knob of its generator. Without knobs, it has one per level; without levels, the entire source is one cell.
 */
export function splitIntoCells(pool: readonly PoolProblem[]): Cells {
  const cells = new Map<string, number>();
  const sources = new Map<string, number>();
  const sourceOf: number[] = [];
  const examples: PoolProblem[] = [];
  const cellOf = Uint32Array.from(pool, (problem) => {
    const sourceKey = [problem.source ?? '', problem.domain, problem.family ?? ''].join('\0');
    const cellKey = [sourceKey, problem.knob ?? problem.levels.join('\0')].join('\0\0');
    const known = cells.get(cellKey);
    if (known !== undefined) return known;
    const source = sources.get(sourceKey) ?? sources.size;
    if (source === sources.size) {
      sources.set(sourceKey, source);
      examples.push(problem);
    }
    cells.set(cellKey, cells.size);
    return sourceOf.push(source) - 1;
  });
  return { cellOf, sourceOf: Uint32Array.from(sourceOf), sources: distinct(examples) };
}

/** Returns the names of sources; makes equal names distinct by adding the domain, or a number if that is not enough. */
function distinct(sources: readonly PoolProblem[]): string[] {
  const name = ({ family, source, domain }: PoolProblem): string => family ?? source ?? domain;
  const counts = Map.groupBy(sources, name);
  const seen = new Map<string, number>();
  return sources.map((one) => {
    const full = counts.get(name(one))!.length === 1 ? name(one) : `${name(one)}/${one.domain}`;
    const count = (seen.get(full) ?? 0) + 1;
    seen.set(full, count);
    return count === 1 ? full : `${full}#${count}`;
  });
}
