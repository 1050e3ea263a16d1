import { ConfigError, EngineError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { PassRateStore, RecordedLikelihood, Scoring } from '../difficulty/pass-rates/pass-rate-store.ts';
import {
  currentLikelihoods,
  likelihoodValues,
  likelihoodVersion,
  referenceTexts,
} from '../difficulty/probing/likelihood.ts';
import type { Engine, LocalEngine } from '../engines/engine.ts';
import { editionsOf } from './observation.ts';

/** Model and problems of a likelihood measurement. */
export interface LikelihoodRequest extends Pick<Scoring, 'model' | 'template'> {
  readonly problems: readonly Problem[];
  /** True to compute nothing and require all likelihoods to be on record, because the weights no longer exist. */
  readonly isComplete?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Values that predict a problem's pass rate, by problem id; see `likelihoodValues`. */
export type LikelihoodValues = ReadonlyMap<string, Readonly<Record<string, number>>>;

/** Texts per engine call, and per transaction of the store. */
const textsPerBatch = 256;

/**
 * Computes the log-likelihood of each problem's gold answer and worked solution, one forward pass per text, and
 * records it in the store. Values on record are not computed again, so an interrupted measurement continues where it
 * stopped. Texts that do not fit into the model's window are omitted.
 *
 * @returns values by problem id; omits problems that have neither an answer nor a solution.
 * @throws {ConfigError} if the engine has no local weights; {EngineError} if a value is not finite.
 */
export async function measureLikelihoods(
  { engine, store }: { readonly engine: Engine; readonly store: PassRateStore },
  { problems, model, template, isComplete = false, onProgress }: LikelihoodRequest,
  signal?: AbortSignal,
): Promise<LikelihoodValues> {
  const scoring = { model, ...(template === undefined ? {} : { template }), version: likelihoodVersion };
  const editions = editionsOf(problems);
  const onRecord = (): ReturnType<typeof currentLikelihoods> =>
    currentLikelihoods(problems, editions, store.likelihoods(scoring));
  if (!isComplete) {
    const known = onRecord();
    const missing = problems.flatMap((problem) =>
      referenceTexts(problem)
        .filter(({ text }) => known.get(problem.id)?.some((one) => one.text === text) !== true)
        .map((reference) => ({ problem, ...reference })),
    );
    const texts = missing.length === 0 ? [] : fitting(requireWeights(engine), missing);
    for (let first = 0; first < texts.length; first += textsPerBatch) {
      signal?.throwIfAborted();
      const batch = texts.slice(first, first + textsPerBatch);
      const scored = await scoreTexts(requireWeights(engine), batch, editions);
      store.recordLikelihoods(scoring, scored);
      onProgress?.(Math.min(first + textsPerBatch, texts.length), texts.length);
    }
  }
  return new Map(Array.from(onRecord(), ([id, recorded]) => [id, likelihoodValues(recorded)]));
}

interface MissingText extends Pick<RecordedLikelihood, 'text' | 'digest'> {
  readonly problem: Problem;
  readonly content: string;
}

interface RenderedText extends MissingText {
  readonly tokens: Int32Array;
  /** Index of the text's first token, which follows the prompt. */
  readonly start: number;
}

/** Renders each text after its prompt; omits empty texts and those that exceed the model's window with their prompt. */
function fitting({ sampler, renderer }: LocalEngine, texts: readonly MissingText[]): RenderedText[] {
  const { maxSequenceTokens = Infinity } = sampler.info;
  return texts
    .map((one) => {
      const prompt = renderer.render(one.problem.prompt);
      const own = renderer.encode(one.content);
      const tokens = new Int32Array(prompt.length + own.length);
      tokens.set(prompt);
      tokens.set(own, prompt.length);
      return { ...one, tokens, start: prompt.length };
    })
    .filter(({ tokens, start }) => tokens.length > start && start > 0 && tokens.length <= maxSequenceTokens);
}

async function scoreTexts(
  { weights }: LocalEngine,
  texts: readonly RenderedText[],
  editions: ReadonlyMap<string, string>,
): Promise<RecordedLikelihood[]> {
  const rows = await weights.logprobs({ sequences: texts.map(({ tokens }) => ({ tokens })) }, 'policy');
  return texts.map(({ problem, text, digest, tokens, start }, i) => {
    const own = rows[i]!.subarray(start);
    const logprob = own.reduce((sum, one) => sum + one, 0);
    if (!Number.isFinite(logprob)) {
      throw new EngineError(
        `problem ${problem.id}: expected a finite log-likelihood of its ${text}, got ${logprob}; the weights are not finite, or overflow in their number type`,
        { code: 'NON_FINITE', tryNext: 'gradus doctor' },
      );
    }
    const edition = editions.get(problem.id)!;
    return { problemId: problem.id, edition, text, digest, logprob, tokens: tokens.length - start };
  });
}

function requireWeights(engine: Engine): LocalEngine {
  const { renderer, weights, sampler } = engine;
  if (renderer !== undefined && weights !== undefined) return engine as LocalEngine;
  throw new ConfigError(
    `expected an engine with local weights to compute likelihoods, got "${sampler.info.engine}", which only samples; ` +
      "use probing: adaptive({ prior: ['stated', 'known'] })",
  );
}
