import type { TokenSequence } from '../core/batch.ts';
import { ConfigError, DataError } from '../core/errors.ts';
import type { LocalEngine, Renderer } from '../engines/engine.ts';
import { contentOf, type Passage } from '../retrieval/passage.ts';

/** The prompt with which a reranker asks a causal model whether a passage helps. */
export interface RelevancePrompt {
  /** Prompt with `{question}` and `{passage}`. */
  readonly template: string;
  /** The reply that means yes; must be one token. */
  readonly yes: string;
}

/** The default prompt of `gradus knowledge rerank-train`. */
export const defaultRelevancePrompt: RelevancePrompt = {
  template:
    'Passage: {passage}\n\nQuestion: {question}\n\nDoes the passage help to answer the question? Reply yes or no.',
  yes: 'yes',
};

/**
 * Checks whether a model can use a prompt.
 * @throws ConfigError if the template lacks the question or the passage; DataError if the reply is not one token.
 */
export function requireRelevancePrompt(
  { renderer }: { readonly renderer: Pick<Renderer, 'encode'> },
  { template, yes }: RelevancePrompt,
): void {
  const missing = ['{question}', '{passage}'].filter((name) => !template.includes(name));
  if (missing.length > 0)
    throw new ConfigError(
      `expected a template with {question} and {passage}, got one without ${missing.join(' and ')}: ${JSON.stringify(template)}`,
    );
  const tokens = renderer.encode(yes);
  if (tokens.length !== 1)
    throw new DataError(
      `reply ${JSON.stringify(yes)}: expected one token of the model, got ${tokens.length}`,
      { tryNext: 'gradus knowledge rerank-train … --yes <text>' },
    );
}

/** Returns the tokens of the prompt followed by the reply, which is the last token. */
export function relevanceSequence(
  renderer: Pick<Renderer, 'render' | 'encode'>,
  { template, yes }: RelevancePrompt,
  question: string,
  passage: Passage,
): TokenSequence {
  const texts: Readonly<Record<string, string>> = { question, passage: contentOf(passage) };
  const content = template.replaceAll(/\{(question|passage)\}/g, (_, name: string) => texts[name]!);
  const prompt = renderer.render([{ role: 'user', content }]);
  const tokens = new Int32Array(prompt.length + 1);
  tokens.set(prompt);
  tokens[prompt.length] = renderer.encode(yes)[0]!;
  return { tokens };
}

/** Scores passages for a question; −∞ for a passage that does not fit into the model's window. */
export type ScorePassages = (question: string, passages: readonly Passage[]) => Promise<readonly number[]>;

/**
 * Returns a function that scores passages with a causal model: f(passage, question) is the log-probability of the reply
 * "yes", as in monoT5 and Qwen3-Reranker, instead of KARD's ColBERT. A score does not depend on the other passages.
 */
export function relevanceScorer(
  { weights, renderer, sampler }: Pick<LocalEngine, 'weights' | 'renderer' | 'sampler'>,
  prompt: RelevancePrompt,
): ScorePassages {
  const { maxSequenceTokens = Infinity } = sampler.info;
  return async (question, passages) => {
    const sequences = passages.map((passage) => relevanceSequence(renderer, prompt, question, passage));
    const fits = ({ tokens }: TokenSequence): boolean => tokens.length <= maxSequenceTokens;
    const fitting = sequences.filter(fits);
    const scored = fitting.length === 0 ? [] : await weights.logprobs({ sequences: fitting }, 'policy');
    let next = 0;
    return sequences.map((sequence) => (fits(sequence) ? scored[next++]!.at(-1)! : -Infinity));
  };
}
