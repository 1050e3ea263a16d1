import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openEmbeddedEngine } from '../../engines/embedded/engine.ts';
import { addTokens } from './add-tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-tokens-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const model = 'models/gradus-tiny';

// The tiny model has 76 tokens in 80 rows: three fit, nine do not.
test.each([3, 9])(
  'adds %i tokens that decoding keeps in the text, and preserves the ratios of all other predictions',
  async (count) => {
    const to = join(folder, String(count));
    const marks = Array.from({ length: count }, (_, i) => `<|act${i}|>`);
    expect(await addTokens(model, to, marks)).toBe(count);
    await using before = await openEmbeddedEngine({ model, lanes: 1 });
    await using after = await openEmbeddedEngine({ model: to, lanes: 1 });
    const tokens = after.renderer.encode(`75+19${marks[1]}=?49`);
    expect(tokens).toHaveLength(before.renderer.encode('75+19=?49').length + 1);
    expect(after.renderer.decode(tokens)).toBe(`75+19${marks[1]}=?49`);
    const plain = before.renderer.encode('75+19=?49;\\boxed{94}');
    expect(after.renderer.encode('75+19=?49;\\boxed{94}')).toEqual(plain);
    const batch = { sequences: [{ tokens: plain }] };
    const [old] = await before.weights.logprobs(batch, 'policy');
    const [now] = await after.weights.logprobs(batch, 'policy');
    // The new tokens take some probability; at each position, the old tokens lose the same share of theirs.
    for (const [t, value] of old!.entries()) expect(Math.abs(now![t]! - value)).toBeLessThan(0.7);
    const greedy = async (engine: typeof after) => (await engine.weights.topLogprobs!(batch, 1))[0]!.tokens;
    expect(await greedy(after)).toEqual(await greedy(before));
    expect(await addTokens(to, join(folder, `again-${count}`), marks)).toBe(0);
  },
);
