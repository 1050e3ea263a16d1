import { expect, test } from 'vitest';
import { isLoopback } from './loopback.ts';

test.each(['127.0.0.1', '127.0.0.0', '127.255.255.255', '::1', '[::1]', 'localhost', 'LOCALHOST'])(
  '%s is loopback',
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each([
  '',
  '0.0.0.0',
  '::',
  '128.0.0.1',
  '10.127.0.1',
  '127.0.0.1.evil.example',
  '127.evil.example',
  '127.0.0',
  '127.0.0.256',
  'localhost.evil.example',
  'notlocalhost',
  'fe80::1',
])('%s is not loopback', (host) => {
  expect(isLoopback(host)).toBe(false);
});
