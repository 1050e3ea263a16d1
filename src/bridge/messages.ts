import * as z from 'zod';

/** Version of the messages between Gradus and `bridge.py`; both sides compare it. */
export const bridgeProtocol = 1;

/** Packages that the bridge has an adapter for, as PyPI names them. */
export const bridgedPackages = ['reasoning-gym', 'verifiers', 'openenv'] as const;

/** See `bridgedPackages`. */
export type BridgedPackage = (typeof bridgedPackages)[number];

/** First request: what the process loads. */
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
  /** Roles of the messages that an environment replies with. */
  roles: z.array(z.enum(['user', 'tool'])),
  /** Tools of an environment; the policy calls them in the form of its chat template. */
  tools: z.array(toolSchema),
  /** Part of an environment's version besides the package's: its own package and settings. */
  environment: z.string(),
});
export type Ready = z.output<typeof readySchema>;

/** Reply to the setup: the package cannot be used. */
export const refusedSchema = z.strictObject({ refused: z.string() });

/** Reply to a call that failed on the side of the package. */
export const failedSchema = z.strictObject({ error: z.string() });

const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string(),
});

/** Reply to `tasks`: tasks of the package; `total` of them where their number is known. */
export const tasksSchema = z.strictObject({
  total: z.int().min(0).nullable(),
  tasks: z.array(
    z.strictObject({
      /** Names the task to the package in `play` and `score`. */
      task: z.record(z.string(), z.json()),
      prompt: z.array(message).min(1),
      answer: z.string().nullable(),
      /** Short facts about the task that a template for the prompt may contain. */
      fields: z.record(z.string(), z.string()),
    }),
  ),
});
export type BridgeTask = z.output<typeof tasksSchema>['tasks'][number];

/** Reply to `score`: between 0 and 1; null at the limit of processor time. */
export const scoredSchema = z.strictObject({ score: z.number().min(0).max(1).nullable() });

/** Reply to `play`: what an environment answers to the last turn. */
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
  /** Digest of the messages, which an attempt that is played again must have again. */
  digest: z.string(),
  /** Named figures of the environment, e.g. its metrics. */
  details: z.record(z.string(), z.json()),
});
export type Played = z.output<typeof playedSchema>;
