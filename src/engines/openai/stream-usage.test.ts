import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ResponseBody, responseBody } from './response-body.ts';
import { createStreamUsage } from './stream-usage.ts';

interface Step {
  readonly event: ResponseBody;
  /** Number of completion tokens that the client can know after this event. */
  readonly known: number | undefined;
}

const usageOf = (tokens: number) => ({ prompt_tokens: 7, completion_tokens: tokens });

/** Returns the events of choices with `lengths` tokens, one token per event, in the order of `turns`. */
function stream(lengths: readonly number[], turns: readonly number[], dialect: string): Step[] {
  const left = [...lengths];
  const steps: Step[] = [];
  const stated = new Map<number, number>();
  let known: number | undefined;
  const push = (body: object): void => void steps.push({ event: responseBody.parse(body), known });
  const state = (index: number): void => {
    stated.set(index, lengths[index]! - left[index]!);
    known = [...stated.values()].reduce((sum, tokens) => sum + tokens, 0);
  };
  const order = [...turns.map((turn) => turn % lengths.length), ...lengths.keys(), ...lengths.keys()];
  for (const index of [...order, ...lengths.flatMap((length, at) => Array<number>(length).fill(at))]) {
    if (left[index] === 0) continue;
    left[index]!--;
    const ends = left[index] === 0;
    if (dialect === 'continuous') state(index);
    const usage = dialect === 'continuous' ? usageOf(stated.get(index)!) : undefined;
    push({ choices: [{ index, text: 'a', finish_reason: ends ? 'stop' : null }], usage });
    if (!ends || dialect !== 'per choice') continue;
    state(index);
    push({ choices: [], usage: usageOf(lengths[index]!) });
  }
  if (dialect === 'per choice') return steps;
  known = lengths.reduce((sum, length) => sum + length, 0);
  push({ choices: [], usage: usageOf(known) });
  // Some servers repeat their last usage event.
  push({ choices: [], usage: usageOf(known) });
  return steps;
}

test.each(['at the end', 'continuous', 'per choice'])(
  'counts every stated token of every choice wherever the stream breaks off (usage: %s)',
  (dialect) => {
    const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(lengths, fc.array(fc.nat(99)), (counts, turns) => {
        const usage = createStreamUsage();
        expect(usage.total()).toBeUndefined();
        for (const { event, known } of stream(counts, turns, dialect)) {
          usage.add(event);
          expect(usage.total()).toEqual(known === undefined ? undefined : usageOf(known));
        }
        expect(usage.total()?.completion_tokens).toBe(counts.reduce((sum, count) => sum + count, 0));
      }),
    );
  },
);
