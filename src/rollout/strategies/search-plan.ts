import type { Problem } from '../../core/problem.ts';
import { type Transcript, writtenCount } from '../../core/transcript.ts';

/** Shape of a search: `trees` independent trees with `width` candidates per depth; each tree keeps `kept` of them. */
export interface SearchShape {
  readonly trees: number;
  readonly width: number;
  readonly kept: number;
  /** Maximum number of steps in an answer; the last one extends to the end of the answer. */
  readonly depth: number;
}

/** One node of a search tree. */
export interface SearchStep {
  /** Child numbers from the root, e.g. `3.0.2`. */
  readonly path: string;
  readonly text: string;
  readonly tokens: number;
  readonly score: number | null;
  readonly fate: 'kept' | 'pruned' | 'finished';
}

/** An answer, finished or not. */
export interface Path {
  /** Child numbers from the root, e.g. `3.0.2`. */
  readonly name: string;
  readonly tree: number;
  /** Text of the last step. */
  readonly text: string;
  readonly transcript: Transcript;
  readonly stepScores: readonly (number | null)[];
  /** Ends of the scored steps in the transcript. */
  readonly stepEnds: readonly number[];
  readonly isFinished: boolean;
}

/** The state of one problem's search between two depths. */
export interface SearchState {
  readonly problem: Problem;
  readonly root: Transcript;
  readonly maxWritten: number;
  readonly maxScored: number;
  kept: readonly Path[];
  readonly finished: Path[];
  readonly nodes: SearchStep[];
  written: number;
  scored: number;
  /** False once the limit of scored tokens is reached; the next depth is then the last. */
  canScore: boolean;
  isOver: boolean;
}

/** Candidates to write for the next step of one path. */
export interface Branch {
  /** Key of the random numbers: the problem's id at the root; the id and the path below it. */
  readonly key: string;
  readonly from: Transcript;
  /** The path that is extended; null at the root. */
  readonly parent: Path | null;
  readonly count: number;
  readonly firstIndex: number;
  readonly maxTokens: number;
  readonly isLast: boolean;
}

interface DepthLimits {
  /** Maximum number of tokens in an answer. */
  readonly maxTokens: number;
  readonly maxStepTokens: number;
  readonly firstIndex: number;
}

/**
 * Plans the branches of one depth within the remaining budget: `trees · width` at the root, `width / kept` per open
 * path below. An empty plan ends the search.
 */
export function planDepth(
  { problem, root, kept, written, maxWritten, canScore }: SearchState,
  shape: SearchShape,
  depth: number,
  { maxTokens, maxStepTokens, firstIndex }: DepthLimits,
): Branch[] {
  const isLast = depth === shape.depth - 1 || !canScore;
  const left = maxWritten - written;
  const stepTokens = isLast ? maxTokens : Math.min(maxTokens, maxStepTokens);
  if (depth === 0) {
    const count = shape.trees * shape.width;
    const limit = Math.min(stepTokens, Math.floor(left / count));
    return [{ key: problem.id, from: root, parent: null, count, firstIndex, maxTokens: limit, isLast }];
  }
  const open = kept.filter(({ isFinished }) => !isFinished);
  const count = Math.min(shape.width / shape.kept, Math.floor(left / open.length));
  if (open.length === 0 || count === 0) return [];
  const share = Math.floor(left / (count * open.length));
  return open.map((parent) => ({
    key: `${problem.id}|${firstIndex}|${parent.name}`,
    from: parent.transcript,
    parent,
    count,
    firstIndex: 0,
    maxTokens: Math.min(stepTokens, maxTokens - writtenCount(parent.transcript), share),
    isLast,
  }));
}

/** Keeps the best paths of each tree; the search is over when no path is open. */
export function keepBest(state: SearchState, { kept }: SearchShape, children: readonly Path[]): void {
  const done = state.kept.filter(({ isFinished }) => isFinished);
  const byTree = Map.groupBy([...done, ...children], ({ tree }) => tree);
  state.kept = [...byTree.values()].flatMap((paths) => byLastScore(paths).slice(0, kept));
  const isKept = new Set(state.kept);
  for (const path of children) {
    if (path.isFinished) state.finished.push(path);
    state.nodes.push({
      path: path.name,
      text: path.text,
      tokens: path.transcript.written.at(-1)!.end - path.transcript.written.at(-1)!.start,
      score: path.stepScores.at(-1) ?? null,
      fate: path.isFinished ? 'finished' : isKept.has(path) ? 'kept' : 'pruned',
    });
  }
  state.isOver = state.kept.every(({ isFinished }) => isFinished);
}

/** Ends a search whose budget is used up: open paths become truncated answers. */
export function cutOff(state: SearchState): void {
  for (const path of state.kept.filter(({ isFinished }) => !isFinished)) {
    const { written } = path.transcript;
    const last = { ...written.at(-1)!, finishReason: 'length' as const };
    const transcript = { ...path.transcript, written: [...written.slice(0, -1), last] };
    state.finished.push({ ...path, transcript, isFinished: true });
  }
  state.isOver = true;
}

/** Sorts paths by score, best first; equal scores keep their order, and paths without a score come last. */
export const byLastScore = (paths: readonly Path[]): Path[] =>
  paths.toSorted((a, b) => lastScore(b) - lastScore(a));

const lastScore = ({ stepScores }: Path): number => stepScores.findLast((score) => score !== null) ?? -1;
