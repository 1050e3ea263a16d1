import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { families } from './families.ts';

test('the families.json of the worker is up to date (else run npx node -C development scripts/write-families.ts)', async () => {
  const text = await readFile('worker/gradus_worker/model/families.json', 'utf8');
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(families)));
});
