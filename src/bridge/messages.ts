import * as z from 'zod';

/** Version of the protocol between Gradus and `bridge.py`; each side rejects any other version. */
export const bridgeProtocol = 1;

/** Packages for which the bridge has an adapter, by their names on PyPI. */
export const bridgedPackages = ['reasoning-gym', 'verifiers', 'openenv'] as const;

/** See `bridgedPackages`. */
export type BridgedPackage = (typeof bridgedPackages)[number];

/** First request: the package to load, with its settings and limits. */
export interface BridgeSetup {
  readonly protocol: number;
  readonly package: BridgedPackage;
  readonly options: Readonly<Record<string, unknown>>;
  readonly maxSeconds: number;
  readonly maxLoadSeconds: number;
}

const toolSchema = z.strictObject({
  name: z.string().min(1),
  description: z.string(),
  parameters: z.record(z.string(), z.json()),
});

/** Reply to the setup: the package is loaded. */
export const readySchema = z.strictObject({
  protocol: z.literal(bridgeProtocol),
  /** Version of the package. */
  version: z.string(),
  python: z.string(),
  interpreter: z.string(),
  /** Roles of the messages with which an environment replies. */
  roles: z.array(z.enum(['user', 'tool'])),
  /** Tools of an environment; the policy calls them in its chat template's format. */
  tools: z.array(toolSchema),
  /** The environment's own package and settings: part of its version, in addition to the package's version. */
  environment: z.string(),
});
export type Ready = z.output<typeof readySchema>;

/** Reply to the setup: the package cannot be used. */
export const refusedSchema = z.strictObject({ refused: z.string() });

/** Reply to a call that failed in the package or its adapter. */
export const failedSchema = z.strictObject({ error: z.string() });

const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string(),
});

/** Reply to `tasks`: the requested tasks; `total` is the number of all tasks, or null if unknown. */
export const tasksSchema = z.strictObject({
  total: z.int().min(0).nullable(),
  tasks: z.array(
    z.strictObject({
      /** Identifies the task to the package in `play` and `score`. */
      task: z.record(z.string(), z.json()),
      prompt: z.array(message).min(1),
      answer: z.string().nullable(),
      /** Short facts about the task that a template for the prompt may contain. */
      fields: z.record(z.string(), z.string()),
    }),
  ),
});
export type BridgeTask = z.output<typeof tasksSchema>['tasks'][number];

/** Reply to `score`: between 0 and 1; null if scoring exceeded its CPU time limit. */
export const scoredSchema = z.strictObject({ score: z.number().min(0).max(1).nullable() });

/** Reply to `play`: an environment's reply to the last turn. */
export const playedSchema = z.strictObject({
  messages: z.array(z.strictObject({ role: z.enum(['user', 'tool']), content: z.string() })),
  isOver: z.boolean(),
  reward: z.number().nullable(),
  /** Calls that the policy made in the turn. */
  calls: z.array(
    z.strictObject({
      tool: z.string(),
      arguments: z.json(),
      outcome: z.enum(['ok', 'failed', 'malformed']),
      result: z.string(),
    }),
  ),
  /** Digest of the messages; a replayed attempt must reproduce it. */
  digest: z.string(),
  /** Named values reported by the environment, e.g. metrics. */
  details: z.record(z.string(), z.json()),
});
export type Played = z.output<typeof playedSchema>;
