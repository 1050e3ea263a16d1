import { expect, test } from 'vitest';
import * as gradus from 'gradus';
import * as testing from 'gradus/testing';

test('what the package exports changes on purpose only', () => {
  expect(Object.keys(gradus).toSorted().join(' ')).toMatchInlineSnapshot();
  expect(Object.keys(testing).toSorted().join(' ')).toMatchInlineSnapshot();
});
