import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { hashKey } from '../core/rng.ts';
import type { Transcript } from '../core/transcript.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Verifier } from './verifier.ts';

/** Checks that an attempt used its tools, that is, made at least `minCalls` calls that a tool answered. */
export const toolUseConfig = z.strictObject({
  type: z.literal('tool-use'),
  minCalls: z.int().min(1).default(1),
});
type ToolUseConfig = z.output<typeof toolUseConfig>;

/** Creates the recipe entry for the verifier of tool use; usually a part of a `composite`. */
export const toolUse = noun(toolUseConfig);

/** Opens the verifier, which needs no resources and accepts any problem. */
export function openToolUse(config: ToolUseConfig): Verifier {
  const version = `1-${hashKey(JSON.stringify(config)).toString(36)}`;
  const judge = (attempt: Transcript | undefined): Verdict => {
    const calls = attempt?.messages.flatMap((message) => message.calls ?? []) ?? [];
    const answered = calls.filter(({ outcome }) => outcome === 'ok').length;
    const isEnough = answered >= config.minCalls;
    return {
      outcome: isEnough ? 'correct' : 'incorrect',
      score: Number(isEnough),
      reason: `${answered} of ${calls.length} calls answered; expected at least ${config.minCalls}`,
      verifier: `tool-use@${version}`,
    };
  };
  return {
    name: 'tool-use',
    version,
    check: () => {},
    verify: (_problem, _completion, _signal, attempt) => Promise.resolve(judge(attempt)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
