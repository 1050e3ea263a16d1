/**
 * Public API of Gradus, imported as `gradus` by recipes and programs.
 * Gradus measures how hard each problem is for a model, selects by difficulty, trains in stages and evaluates the gain.
 */

// Recipes: the parts that define a run.
export { defineRecipe } from './recipe/define-recipe.ts';
export type { Recipe, RecipeInput } from './recipe/recipe.ts';
export { ahead, inStep } from './recipe/batch-source.ts';
export { loadRecipe } from './recipe/load.ts';
export { file, hub } from './problems/file-source.ts';
export { jsonl } from './problems/jsonl-source.ts';
export { bandits } from './problems/bandit-source.ts';
export { generated } from './problems/generated-source.ts';
export { reasoningGym } from './problems/reasoning-gym-source.ts';
export { code } from './verifiers/code/code.ts';
export { composite } from './verifiers/composite.ts';
export { customVerifier } from './verifiers/custom/custom.ts';
export { format } from './verifiers/format.ts';
export { javascriptTests } from './verifiers/javascript-tests.ts';
export { mathAnswer } from './verifiers/math/verifier.ts';
export { multipleChoice } from './verifiers/answers/multiple-choice.ts';
export { reasoningGymAnswer } from './verifiers/reasoning-gym.ts';
export { environmentScore } from './verifiers/environment-score.ts';
export { regret } from './verifiers/regret.ts';
export { searchFormat } from './verifiers/search-format.ts';
export { shortAnswer } from './verifiers/answers/short-answer.ts';
export { toolUse } from './verifiers/tool-use.ts';
export { pythonVerifier } from './verifiers/python-function/python-function.ts';
export { outcomeReward, partsReward, r1SearcherRewards, scoreReward } from './algorithms/reward.ts';
export { asking } from './environments/asking.ts';
export { bandit } from './environments/bandit.ts';
export { chat, tags } from './environments/call-format.ts';
export { type CustomEnvironment, customEnvironment } from './environments/custom.ts';
export { python } from './environments/python.ts';
export { search } from './environments/search.ts';
export { bm25, bm25Index } from './retrieval/open-retriever.ts';
export { openEnv, verifiersEnv } from './bridge/packaged-environments.ts';
export { mcp } from './environments/mcp.ts';
export { httpRetriever } from './retrieval/http-retriever.ts';
export { cispo } from './algorithms/cispo.ts';
export { dapo } from './algorithms/dapo.ts';
export { drGrpo } from './algorithms/dr-grpo.ts';
export { grpo } from './algorithms/grpo.ts';
export { gspo } from './algorithms/gspo.ts';
export { reinforce } from './algorithms/reinforce.ts';
export { rloo } from './algorithms/rloo.ts';
export { adamw } from './algorithms/optimizer.ts';
export { passRate } from './difficulty/probing/pass-rate.ts';
export { adaptive } from './difficulty/probing/adaptive.ts';
export { equalBands, neverSometimesAlways } from './difficulty/probing/cut-points.ts';
export { level } from './difficulty/levels/levels.ts';
export { allOf, anyOf, band, inDomain, inLevel, not, thin } from './difficulty/levels/level-rules.ts';
export { paperLevels, simpleLevels } from './difficulty/levels/level-presets.ts';
export { stage, whereChanged } from './curriculum/stage.ts';
export { distil } from './curriculum/distil.ts';
export { harvest, imitate, solutions } from './curriculum/imitate.ts';
export { rounds } from './curriculum/stages.ts';
export { maxSteps, plateau, targetRate, whenAll, whenAny } from './curriculum/advance-rules.ts';
export { auto } from './curriculum/samplers/auto.ts';
export { e2h } from './curriculum/samplers/e2h.ts';
export { levelWeighted } from './curriculum/samplers/level-weighted.ts';
export { prioritised } from './curriculum/samplers/prioritised.ts';
export { targetDifficulty } from './curriculum/samplers/target-difficulty.ts';
export { thompsonLiveShare } from './curriculum/samplers/thompson-live-share.ts';
export { thompsonPassRate } from './curriculum/samplers/thompson-pass-rate.ts';
export { ucb } from './curriculum/samplers/ucb.ts';
export { uniform } from './curriculum/samplers/uniform.ts';
export { prompt } from './curriculum/starts/prompt.ts';
export { restart } from './curriculum/starts/restart.ts';
export { reveal } from './curriculum/starts/reveal.ts';
export { truncation } from './curriculum/gates/truncation.ts';
export { zeroAdvantage } from './curriculum/gates/zero-advantage.ts';
export { publishedSuite } from './evaluation/published/published-suites.ts';
export { suite } from './recipe/suite.ts';
export { asked, beam, bestOfN, dvts, majority } from './rollout/strategies/strategy-config.ts';
export { completionsScorer } from './scorers/completions-scorer.ts';
export { confidenceScorer } from './scorers/confidence-scorer.ts';
export { modelScorer } from './scorers/model-scorer.ts';
export { poolingScorer } from './scorers/pooling-scorer.ts';
export { verifierScorer } from './scorers/verifier-scorer.ts';
export type { StepScorer } from './verifiers/step-scorer.ts';
export { checkpoints } from './runs/writing/checkpoint.ts';
export { embedded } from './engines/embedded/engine.ts';
export { openai } from './engines/openai/config.ts';
export { torch } from './engines/torch/config.ts';

// Programs: the building blocks of a custom training loop.
export { createRng, type Rng } from './core/rng.ts';
export type { ImagePart, ImageType } from './core/image.ts';
export type { Message, Problem, ProblemTests } from './core/problem.ts';
export { answerOf, finishReasonOf, type Rollout, type RolloutGroup, writtenTokens } from './core/rollout.ts';
export { lastAnswer, type Transcript, type Written } from './core/transcript.ts';
export type { Outcome, Verdict } from './core/verdict.ts';
export type { LossSpec } from './core/loss-spec.ts';
export type { TokenBatch, TrainingBatch, TrainingSequence } from './core/batch.ts';
export {
  type Completion,
  type CompletionPart,
  completionsOf,
  type Engine,
  type Learner,
  type LossStats,
  type ModelWeights,
  type OptimStep,
  type Renderer,
  type Sampler,
  type SampleRequest,
} from './engines/engine.ts';
export { openEmbeddedEngine } from './engines/embedded/engine.ts';
export { openTorchEngine } from './engines/torch/engine.ts';
export { problemSourceConfig } from './problems/problem-source.ts';
export { loadProblems } from './problems/load-problems.ts';
export { openVerifier, verifierConfig } from './verifiers/config.ts';
export type { CustomJudge, CustomVerdict } from './verifiers/custom/custom-module.ts';
export type { Verifier } from './verifiers/verifier.ts';
export type { Environment, Environments } from './environments/environment.ts';
export type { Tool, ToolResult } from './environments/tool.ts';
export { rollAll, rollGroups } from './rollout/roll-groups.ts';
export { algorithmConfig, createAlgorithm } from './algorithms/algorithm.ts';
export { rewardConfig } from './algorithms/reward.ts';
export { scoreGroup } from './algorithms/scored-group.ts';
export { buildTrainingBatch } from './algorithms/training-batch.ts';
export { comparePaired } from './evaluation/compare.ts';
export { evaluate, type Evaluation } from './evaluation/evaluate.ts';
export { resumeTraining, startTraining, type TrainingWatch } from './training/start.ts';
export { superviseModel } from './supervised/supervised.ts';
export { readRunResult } from './training/summary.ts';
export { openRunReader } from './runs/reading/run-reader.ts';

// Errors: one root class, and one family per kind of failure.
export {
  ConfigError,
  DataError,
  EngineError,
  EnvironmentError,
  GradusError,
  ProtocolError,
  RunError,
  SandboxError,
  StorageError,
  VerifierError,
  WorkerCrashed,
} from './core/errors.ts';
