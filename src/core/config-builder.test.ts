import { expect, expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import { noun } from './config-builder.ts';

const optional = z.strictObject({ type: z.literal('rloo'), temperature: z.number().default(1) });
const required = z.strictObject({ type: z.literal('suite').default('suite'), name: z.string() });
const refined = z.strictObject({ type: z.literal('range'), min: z.int() }).refine(({ min }) => min > 0);

test("adds the schema's `type` to the options", () => {
  expect(noun(optional)()).toEqual({ type: 'rloo' });
  expect(noun(optional)({ temperature: 0.6 })).toEqual({ type: 'rloo', temperature: 0.6 });
  expect(noun(required)({ name: 'aime24' })).toEqual({ type: 'suite', name: 'aime24' });
  expect(noun(refined)({ min: 1 })).toEqual({ type: 'range', min: 1 });
});

test('options may be omitted only if the schema requires none, and unknown options do not compile', () => {
  expectTypeOf(noun(optional)).parameter(0).toEqualTypeOf<{ temperature?: number | undefined } | undefined>();
  expectTypeOf(noun(optional)).returns.toEqualTypeOf<z.input<typeof optional>>();
  // @ts-expect-error: the name is required.
  noun(required)();
  // @ts-expect-error: an unknown option.
  noun(optional)({ temperatur: 0.6 });
  // @ts-expect-error: the type is given by the schema.
  noun(optional)({ type: 'rloo' });
});
