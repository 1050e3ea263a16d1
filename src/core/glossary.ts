/**
 * The terms of Gradus, each defined by one phrase. The code, table columns, dashboard labels and the pages in `docs/`
 * use them in this sense. The table "Words" in ARCHITECTURE.md is the same list.
 */
export const glossary = {
  problem: 'an item with a checkable answer',
  wording: 'one of several prompts that ask the same question and have the same gold',
  domain:
    'the kind of answer a problem has, which decides its verifier: math, code, or a name from the recipe',
  family: 'the problems made by one generator, or grouped by the data set they come from',
  knob: "a generator's setting of how hard its problems are",
  rollout: 'one attempt at a problem',
  transcript: 'one sequence of tokens, written by the policy or given to it',
  group: 'all rollouts of one problem by one policy version',
  verdict: 'the outcome that a verifier gives a rollout, with score, reason and evidence',
  correct: 'outcome of a rollout whose answer is right',
  incorrect: 'outcome of a rollout whose answer is wrong',
  unparsed: 'outcome of a rollout without a readable answer',
  timeout: 'outcome of a rollout whose answer exceeded the limits of judging',
  ungradable: 'outcome of a rollout that could not be judged; it is never counted or trained on',
  trial: 'a rollout that could be judged, and so counts towards a pass rate',
  reward: 'what the policy learns from; the recipe maps verdicts to rewards',
  advantage: 'a reward compared with the rewards of its group',
  'pass rate':
    'correct rollouts per trial of a problem, from 0 (hard) to 1 (easy), for one model, sampling and verifier version',
  level: 'a named range of pass rates; a problem may be in several',
  stage: 'a span of training with its own selection of problems, limits and exit rule',
  sampler: 'what chooses the next problem of a stage',
  start: 'where the attempts of a group begin: at the prompt, or after a given part of the answer',
  environment: "what answers the policy's turns: a tool, a search engine, a program",
  imitate: 'to learn from examples by cross-entropy, as supervised fine-tuning does',
  harvest: "a stage's choice of the policy's own attempts as examples to imitate",
  teacher: 'the frozen model whose probabilities a stage distils into the policy',
  rank: 'one of the processes that share the weights and the learning of one model',
  gate: 'what decides whether a group is trained on',
  curriculum: 'the stages of a run with their samplers, starts and gates',
  policy: 'the weights that are trained',
  'policy version': 'the number of updates made to the policy',
  reference: 'the frozen weights of the KL term',
  'rollout logprobs': 'log-probabilities of the sampled tokens, from the engine that sampled them',
  'policy logprobs': 'log-probabilities of the same tokens under the current policy',
  'reference logprobs': 'log-probabilities of the same tokens under the reference',
  step: 'a batch of groups and the updates learnt from it',
  update: 'one change of the weights, from the batch of a step or a part of it',
  microbatch: 'the part of an update that is computed at once',
  'mixed group': 'a group with correct and incorrect rollouts, which is what the policy learns most from',
  'zero advantage': 'a group whose advantages are all 0, so that nothing is learnt from it',
  'live group': 'a group with an advantage other than 0 in its loss, so that something is learnt from it',
  'critical batch': 'the number of live groups at which the noise and the signal of the gradient are equal',
  entropy: 'how undecided the policy is about the next token, in nats',
} as const satisfies Readonly<Record<string, string>>;

/** A term in the glossary. */
export type Term = keyof typeof glossary;

/** Returns the term that a label names, ignoring case and plural, or undefined if it names none. */
export function termOf(label: string): Term | undefined {
  const word = label.toLowerCase();
  return [word, word.replace(/s$/u, '')].find((one): one is Term => Object.hasOwn(glossary, one));
}
