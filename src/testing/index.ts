/** What tests of a project built on Gradus need: published as `gradus/testing`. */
export { codeProblem, mathProblem } from './problems.ts';
export { scriptedEngine, ScriptedEngine, type ScriptedEngineOptions } from './scripted-engine.ts';
