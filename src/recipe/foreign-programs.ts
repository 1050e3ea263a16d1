import type { EngineConfig } from '../engines/config.ts';
import type { EnvironmentConfig } from '../environments/config.ts';
import type { ProblemSource } from '../problems/problem-source.ts';
import type { VerifierConfig } from '../verifiers/config.ts';
import type { Recipe } from './recipe.ts';

/** The programs, modules, hosts and keys that are used when parts of a recipe are opened, one line each. */
export interface Execution {
  readonly engine: readonly string[];
  readonly problems: readonly string[];
  readonly verifiers: readonly string[];
  readonly environments: readonly string[];
}

/** Lists the programs, modules, hosts and keys that a recipe names; empty if the recipe uses only built-in parts. */
export const executionOf = ({
  policy,
  teacher,
  problems,
  evaluation,
  verifiers,
  environments,
}: Pick<
  Recipe,
  'policy' | 'teacher' | 'problems' | 'evaluation' | 'verifiers' | 'environments'
>): Execution => ({
  engine: [
    ...ofEngine(policy.engine),
    ...(teacher === undefined ? [] : ofEngine(teacher.engine).map((line) => `teacher, ${line}`)),
  ],
  problems: [...problems, ...evaluation.flatMap((suite) => suite.problems)]
    .flatMap(ofProblems)
    .map((line) => `problems: ${line}`),
  verifiers: Object.entries(verifiers).flatMap(([domain, config]) =>
    ofVerifier(config).map((line) => `verifier of ${domain}: ${line}`),
  ),
  environments: Object.entries(environments).flatMap(([domain, config]) =>
    ofEnvironment(config).map((line) => `environment of ${domain}: ${line}`),
  ),
});

function ofEngine(engine: EngineConfig): string[] {
  switch (engine.type) {
    case 'embedded':
      return [];
    case 'torch':
      return [
        ...(engine.command === undefined ? [] : [`engine: runs ${engine.command.join(' ')}`]),
        ...(engine.python === undefined ? [] : [`engine: runs ${engine.python}`]),
        ...(engine.remote === undefined
          ? []
          : [`engine: connects to ${engine.remote} with GRADUS_WORKER_TOKEN`]),
        ...(engine.cluster === undefined
          ? []
          : [`engine: runs the worker on the Ray cluster ${engine.cluster.address}`]),
        ...(engine.vllm === undefined || typeof engine.vllm.replicas === 'number'
          ? []
          : [`engine: sends prompts and weights to ${engine.vllm.replicas.join(', ')}`]),
        ...(engine.tinker === undefined
          ? []
          : [`engine: sends prompts and rollouts to a Tinker service, with the key in TINKER_API_KEY`]),
        ...(engine.scratch === undefined ? [] : [`engine: writes to and removes ${engine.scratch}`]),
      ];
    case 'openai':
      return [
        `engine: sends prompts to ${engine.baseUrl}` +
          (engine.apiKeyEnv === undefined ? '' : `, with the key in ${engine.apiKeyEnv}`),
      ];
  }
}

function ofProblems(config: ProblemSource): string[] {
  switch (config.type) {
    case 'reasoning-gym':
      return config.python === undefined ? [] : [`runs ${config.python}`];
    case 'openenv':
    case 'verifiers':
      return ofPackaged(config);
    default:
      return [];
  }
}

const ofPackaged = (config: Extract<EnvironmentConfig, { type: 'openenv' | 'verifiers' }>): string[] => [
  ...(config.python === undefined ? [] : [`runs ${config.python}`]),
  config.type === 'openenv' ? `sends turns to ${config.url}` : `loads the Python module of ${config.id}`,
];

function ofEnvironment(config: EnvironmentConfig): string[] {
  switch (config.type) {
    case 'custom':
      return [`loads the module ${config.module}`];
    case 'python':
      return config.sandbox.python === undefined ? [] : [`runs ${config.sandbox.python}`];
    case 'mcp':
      return [
        config.command === undefined
          ? `sends calls to ${config.url}`
          : `runs ${config.command.join(' ')}${config.env.length === 0 ? '' : `, with the values of ${config.env.join(', ')}`}`,
      ];
    case 'search':
      return config.retriever.type === 'http-retriever' ? [`sends queries to ${config.retriever.url}`] : [];
    case 'openenv':
    case 'verifiers':
      return ofPackaged(config);
    case 'bandit':
    case 'asking':
      return [];
  }
}

function ofVerifier(config: VerifierConfig): string[] {
  switch (config.type) {
    case 'composite':
      return config.parts.flatMap(({ verifier }) => ofVerifier(verifier));
    case 'custom':
      return [`loads the module ${config.module}`];
    case 'python-function':
      return [`runs ${config.file} with ${config.python}`];
    case 'code':
      return config.sandbox.python === undefined ? [] : [`runs ${config.sandbox.python}`];
    case 'reasoning-gym':
      return config.python === undefined ? [] : [`runs ${config.python}`];
    default:
      return [];
  }
}
