import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { EngineConfig } from '../engines/config.ts';
import { requireLocal } from '../engines/engine.ts';
import { openEngine } from '../engines/open-engine.ts';
import type { Retrieved, Retriever } from '../retrieval/retriever.ts';
import { hashKey } from '../core/rng.ts';
import { relevanceScorer, requireRelevancePrompt, type ScorePassages } from './relevance.ts';

/** File in a reranker's folder that contains its prompt. */
export const rerankerFile = 'reranker.json';

const rerankerPrompt = z.object({ template: z.string().min(1), yes: z.string().min(1) });

/** A function that scores passages, and the digest of everything that determines a score. */
export interface Reranker {
  readonly version: string;
  readonly score: ScorePassages;
}

/**
 * Opens the folder that `gradus knowledge rerank-train` wrote; `opened` disposes of its engine.
 *
 * @throws DataError if the folder has no reranker prompt; ConfigError if the engine has no local weights.
 */
export async function openReranker(
  folder: string,
  engine: EngineConfig,
  opened: AsyncDisposableStack,
): Promise<Reranker> {
  const prompt = await readPrompt(join(folder, rerankerFile), folder);
  const local = requireLocal(opened.use(await openEngine(engine, folder, { train: false })));
  requireRelevancePrompt(local, prompt);
  const { modelHash } = local.sampler.info;
  const digest = hashKey(1, modelHash, prompt.template, prompt.yes).toString(36);
  return { version: `reranker-${digest}`, score: relevanceScorer(local, prompt) };
}

async function readPrompt(path: string, folder: string): Promise<z.output<typeof rerankerPrompt>> {
  try {
    return rerankerPrompt.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new DataError(
      `${path}: expected the prompt of a reranker, but it cannot be read (${String(cause)})`,
      {
        cause,
        tryNext: `gradus knowledge rerank-train <rationales> --out ${folder}`,
      },
    );
  }
}

/**
 * Returns a retriever that reranks the best `candidates` passages of `base` and returns those that score highest.
 * Passages with equal scores, and those too long for the model, stay in the order of `base`.
 */
export function reranked(base: Retriever, { version, score }: Reranker, candidates: number): Retriever {
  return {
    version: `${base.version}-${version}-${candidates}`,
    async search(query, top, signal) {
      const found = await base.search(query, Math.max(top, candidates), signal);
      const scores = await score(query, found);
      const scored = found.map((passage, i): Retrieved => ({ ...passage, score: scores[i]! }));
      return scored.toSorted((a, b) => (a.score === b.score ? 0 : b.score - a.score)).slice(0, top);
    },
    [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
  };
}
