import { expect, test } from 'vitest';
import { leaveOut, optionalFields, refusedField } from './optional-fields.ts';

const body = {
  model: 'm',
  temperature: 1,
  top_p: 1,
  seed: 7,
  stream_options: { include_usage: true, continuous_usage_stats: true },
};

test('removes the omitted fields and no others', () => {
  expect(leaveOut(body, new Set())).toEqual(body);
  expect(leaveOut(body, new Set(['seed', 'continuous_usage_stats']))).toEqual({
    model: 'm',
    temperature: 1,
    top_p: 1,
    stream_options: { include_usage: true },
  });
  expect(leaveOut(body, new Set(optionalFields))).toEqual({ model: 'm' });
});

test('rejects omitting a sampling field that is not at its default', () => {
  for (const [field, value] of [
    ['temperature', 0.6],
    ['top_p', 0.9],
    ['top_k', 20],
  ] as const) {
    const changed = { ...body, [field]: value };
    expect(() => leaveOut(changed, new Set([field]))).toThrow(`${field}: expected`);
    expect(leaveOut(changed, new Set(['seed']))).toMatchObject({ [field]: value });
  }
});

test('refusedField returns the field that a rejection names if it was sent and omitting it does not change the text', () => {
  const mistral = '{"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]}';
  expect(refusedField(mistral, body)).toBe('seed');
  expect(refusedField(mistral, { model: 'm' })).toBeUndefined();
  expect(refusedField('Unknown parameter: stream_options.continuous_usage_stats', body)).toBe(
    'continuous_usage_stats',
  );
  expect(refusedField('logprobs are not supported', { ...body, logprobs: true })).toBeUndefined();
  expect(refusedField('the seeds of doubt', body)).toBeUndefined();
});
