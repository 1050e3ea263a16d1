/** Test support for projects that use Gradus: published as `gradus/testing`. */
export { codeProblem, mathProblem } from './problems.ts';
export { scriptedEnvironment, type ScriptedEnvironmentOptions } from './scripted-environment.ts';
export { scriptedEngine, ScriptedEngine, type ScriptedEngineOptions } from './scripted-engine.ts';
export { syntheticScorer, type SyntheticScorerOptions } from './synthetic-scorer.ts';
export { lastTurn, sampleTurns, type SampledTurn, type SingleTurn, singleTurn } from './single-turn.ts';
