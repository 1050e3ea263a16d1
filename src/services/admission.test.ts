import { expect, test } from 'vitest';
import { type AdmissionRules, rejectionOf, tokenCookie } from './admission.ts';

const rules: AdmissionRules = {
  host: '127.0.0.1',
  token: 'sesame; 1',
  maxBodyBytes: 100,
  publicPaths: ['/health'],
  allowsBrowserToken: true,
};
const request = (path: string, headers: Record<string, string> = {}): Request =>
  new Request(`http://127.0.0.1${path}`, { headers });
const right = `?token=${encodeURIComponent('sesame; 1')}`;

test('a request with the right ?token= receives the cookie, which admits the next request', () => {
  const cookie = tokenCookie(request(`/${right}`), rules)!;
  expect(cookie).toContain('HttpOnly');
  const next = request('/api/runs', { cookie: cookie.split(';')[0]! });
  expect(rejectionOf(next, rules)).toBeUndefined();
});

test.each(['/health', '/health?token=', '/health?token=wrong', `/health?token=wrong&${right.slice(1)}`])(
  'a request to %s without the right token is admitted, but does not receive the token',
  (path) => {
    expect(rejectionOf(request(path), rules)).toBeUndefined();
    expect(tokenCookie(request(path), rules)).toBeUndefined();
  },
);

test('a bearer token admits a request with a wrong ?token=, without a cookie', () => {
  const sent = request('/?token=wrong', { authorization: 'Bearer sesame; 1' });
  expect(rejectionOf(sent, rules)).toBeUndefined();
  expect(tokenCookie(sent, rules)).toBeUndefined();
});

test('sets no cookie if the service has no token, or if browser tokens are not allowed', () => {
  const { token: _, ...open } = rules;
  expect(tokenCookie(request('/?token='), open)).toBeUndefined();
  expect(tokenCookie(request(`/${right}`), { ...rules, allowsBrowserToken: false })).toBeUndefined();
});
