import type { Message } from '../core/problem.ts';
import { createRng, type Rng } from '../core/rng.ts';
import type { Passage } from '../retrieval/passage.ts';
import type { ScoringRetriever } from '../retrieval/retriever.ts';

/** A question and the rationale for its answer. */
export interface RationaleRow {
  readonly prompt: readonly Message[];
  readonly rationale: string;
}

/** A passage and its BM25 score with the rationale as the query. */
export interface Candidate {
  readonly passage: Passage;
  readonly target: number;
}

/** Passages to rank for a question, one list per query; a passage found by both queries is in both lists. */
export interface Candidates {
  readonly question: string;
  readonly byRationale: readonly Candidate[];
  readonly byQuestion: readonly Candidate[];
}

/** Returns the last message of a prompt, which serves as the query; empty for an empty prompt. */
export const questionOf = (prompt: readonly Message[]): string => prompt.at(-1)?.content ?? '';

/**
 * Retrieves candidates for each question: `count` with the rationale as the query and `count` with the question (KARD,
 * section 3.2).
 */
export async function findCandidates(
  retriever: ScoringRetriever,
  rows: readonly RationaleRow[],
  count: number,
  signal?: AbortSignal,
): Promise<Candidates[]> {
  const known = new Map<string, Passage>();
  const shared = ({ id, title, text }: Passage): Passage => {
    const passage = known.get(id) ?? { id, ...(title !== undefined && { title }), text };
    known.set(id, passage);
    return passage;
  };
  const found: Candidates[] = [];
  for (const { prompt, rationale } of rows) {
    signal?.throwIfAborted();
    const question = questionOf(prompt);
    const lists = await Promise.all(
      [rationale, question].map(async (query) => {
        const passages = (await retriever.search(query, count)).map(shared);
        const targets = retriever.scores(rationale, passages);
        return passages.map((passage, i) => ({ passage, target: targets[i]! }));
      }),
    );
    found.push({ question, byRationale: lists[0]!, byQuestion: lists[1]! });
  }
  return found;
}

/** Draws up to `count` candidates from each list; a candidate drawn from both appears once. */
export function drawCandidates(
  { byRationale, byQuestion }: Candidates,
  count: number,
  seed: number,
  step: number,
  index: number,
): Candidate[] {
  const rng = createRng(seed, 'rerank', step, index);
  const chosen = new Map<string, Candidate>();
  for (const list of [byRationale, byQuestion])
    for (const candidate of draw(list, count, rng)) chosen.set(candidate.passage.id, candidate);
  return [...chosen.values()];
}

const draw = (list: readonly Candidate[], count: number, rng: Rng): readonly Candidate[] =>
  list.length <= count ? list : rng.shuffle(list).slice(0, count);
