import { adamw, type OptimizerConfig, optimizerConfig } from '../../src/algorithms/optimizer.ts';
import { writeRationales } from '../../src/authoring/rationales.ts';
import { hashKey, uniformAt } from '../../src/core/rng.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { findCandidates, type RationaleRow } from '../../src/knowledge/candidates.ts';
import { type ContextFormat, withPassages } from '../../src/knowledge/context.ts';
import { type KnowledgeReport, measureKnowledge } from '../../src/knowledge/measure-knowledge.ts';
import { relevanceScorer } from '../../src/knowledge/relevance.ts';
import { trainReranker } from '../../src/knowledge/train-reranker.ts';
import { suiteConfig } from '../../src/recipe/suite.ts';
import type { ScoringRetriever } from '../../src/retrieval/retriever.ts';
import { rollAll } from '../../src/rollout/roll-groups.ts';
import { type SupervisedExample, superviseModel } from '../../src/supervised/supervised.ts';
import { scriptedEngine } from '../../src/testing/scripted-engine.ts';
import type { Verifier } from '../../src/verifiers/verifier.ts';
import { contextTemplate, problemOf, statementOf, type World } from '../../scripts/kard/world.ts';

/** Data that all arms of a seed share. */
export interface ArmData {
  readonly model: string;
  readonly seed: number;
  readonly world: World;
  readonly retriever: ScoringRetriever;
  readonly verifier: Verifier;
}

/** A rationale that a teacher wrote and the verifier accepted. */
interface Lesson extends RationaleRow {
  readonly completion: string;
  readonly answer: string;
}

/** Share of a teacher's answers that are wrong. */
const wrongShare = 0.3;
const steps = 100;
const format: ContextFormat = { template: contextTemplate, layout: 'plain' };
const suite = suiteConfig.parse({
  name: 'held-out',
  rollouts: 1,
  temperature: 1,
  maxTokens: 10,
  greedy: false,
});
/** Prompt of the reranker, and the token that stands for "yes"; any token would do. */
const relevance = { template: '{passage}\n{question}', yes: ' num' };

const rate = (learningRate: number): OptimizerConfig =>
  optimizerConfig.parse(adamw({ learningRate, beta2: 0.98, warmupSteps: 10, schedule: 'cosine' }));

/** Has a fallible teacher that knows the world explain the training problems; keeps the rationales that the verifier
 * accepts. */
export async function teach({ world, verifier, seed }: ArmData): Promise<Lesson[]> {
  const facts = new Map(world.train.map((fact) => [problemOf(fact).id, fact]));
  const isWrong = (key: string, index: number): boolean =>
    uniformAt(hashKey(seed, 'teacher', key), index) < wrongShare;
  const teacher = scriptedEngine({
    complete: (key, index) => {
      const fact = facts.get(key)!;
      const value = isWrong(key, index)
        ? String((Number(fact.value) + 1) % 100).padStart(2, '0')
        : fact.value;
      return `${statementOf({ ...fact, value })}<answer> ${value}</answer>`;
    },
  });
  const answers = new Map<string, string>();
  const journal = {
    get: (key: string) => answers.get(key),
    record: (key: string, answer: string) => void answers.set(key, answer),
  };
  const explained = await writeRationales(
    { engine: teacher, verifierFor: () => verifier, journal },
    world.train.map(problemOf),
    {
      rationales: 1,
      attempts: 3,
      given: 'nothing',
      template: '{question}',
      solve: 0,
      maxTokens: 60,
      temperature: 1,
      seed,
    },
  );
  return explained.flatMap(({ problem, rationales }) =>
    rationales.map(({ completion, rationale }) => ({
      prompt: problem.prompt,
      rationale,
      completion,
      answer: problem.answer!,
    })),
  );
}

/** Trains a student without passages, on answers alone or on answers with rationales; returns its accuracy in
 * percent. */
export async function withoutKnowledge(
  data: ArmData,
  lessons: readonly Lesson[],
  learns: 'answers' | 'rationales',
): Promise<number> {
  const examples = lessons.map(({ prompt, answer, completion }) => ({
    prompt,
    completion: learns === 'answers' ? `<answer> ${answer}</answer>` : completion,
  }));
  await using engine = await student(data, examples);
  const { temperature, maxTokens } = suite;
  const groups = await rollAll(
    { engine, verifierFor: () => data.verifier },
    { problems: data.world.heldOut.map(problemOf), rollouts: 1, maxTokens, temperature, seed: data.seed },
  );
  const correct = groups.filter(({ rollouts }) => rollouts[0]!.verdict.outcome === 'correct');
  return (100 * correct.length) / groups.length;
}

/**
 * Trains KARD: a student on passages retrieved with the rationales, and a reranker that imitates the ranking by
 * rationale.
 */
export async function withKnowledge(data: ArmData, lessons: readonly Lesson[]): Promise<KnowledgeReport> {
  const { world, retriever, verifier, seed } = data;
  await using ranker = await trainedReranker(data, lessons);
  const examples: SupervisedExample[] = [];
  for (const { prompt, rationale, completion } of lessons)
    examples.push({ prompt: withPassages(prompt, await retriever.search(rationale, 1), format), completion });
  await using engine = await student(data, examples);
  return await measureKnowledge(
    {
      retriever,
      reranker: { version: 'bench', score: relevanceScorer(ranker, relevance) },
      candidates: 100,
      top: 1,
      format,
      seed,
      student: { engine, verifierFor: () => verifier, suite },
    },
    world.heldOut.map((fact) => ({ problem: problemOf(fact), rationale: statementOf(fact) })),
  );
}

async function student(
  { model, seed }: ArmData,
  examples: readonly SupervisedExample[],
): Promise<LearningEngine> {
  const engine = await openEmbeddedEngine({ model });
  await superviseModel(engine, examples, {
    batchSize: 64,
    epochs: steps,
    maxSteps: steps,
    seed,
    optimizer: rate(2e-3),
  });
  return engine;
}

async function trainedReranker(
  { model, retriever, seed }: ArmData,
  lessons: readonly Lesson[],
): Promise<LearningEngine> {
  const engine = await openEmbeddedEngine({ model });
  await trainReranker(engine, await findCandidates(retriever, lessons, 32), {
    prompt: relevance,
    sample: 4,
    temperatureTarget: 1,
    temperatureModel: 1,
    batchSize: 16,
    epochs: 2,
    optimizer: rate(2e-3),
    seed,
  });
  return engine;
}
