import { type Context, Hono } from 'hono';
import { parseJson, stringifyJson } from '../../core/lossless-json.ts';
import type { Verdict } from '../../core/verdict.ts';
import { listen, type ListenAddress, type Listening } from '../listen.ts';
import { gradeInOrder, type Grader } from './grader.ts';
import { createServiceMetrics, type ServiceMetrics } from './service-metrics.ts';

/** Address and limits of a verifier service. */
export interface VerifierServiceOptions extends ListenAddress {
  /** Maximum number of items of one request that are judged at the same time. */
  readonly width: number;
  /**
   * Maximum number of items in flight. A larger batch receives 413; a request that does not fit because of others in
   * flight receives 503.
   */
  readonly maxItems: number;
  /** Maximum size of a request body, in bytes. */
  readonly maxBodyBytes: number;
}

/**
 * Serves verdicts over HTTP: `POST /verify` takes one item and returns its verdict; `POST /verify/batch` takes
 * `{items}` and returns `{verdicts}` in order; also `GET /health`, and `GET /metrics` for Prometheus. Items are those
 * of `openGrader`. The service answers all accepted requests before it closes.
 *
 * @throws ConfigError if the host is not loopback and there is no token, or if it cannot listen on the address.
 */
export async function startVerifierService(
  grader: Grader,
  options: VerifierServiceOptions,
): Promise<Listening> {
  return listen(routes({ grader, options, metrics: createServiceMetrics() }), options, {
    maxBodyBytes: options.maxBodyBytes,
    publicPaths: ['/health'],
    command: 'gradus serve verifier',
    risk: 'run programs on this machine',
    onClose: 'drain',
  });
}

interface State {
  readonly grader: Grader;
  readonly options: VerifierServiceOptions;
  readonly metrics: ServiceMetrics;
}

function routes(state: State): Hono {
  const { grader, metrics } = state;
  const app = new Hono();
  app.get('/health', (c) => c.json({ status: 'ok', verifiers: grader.verifiers }));
  app.get('/metrics', (c) => c.body(metrics.text(), 200, { 'content-type': 'text/plain; version=0.0.4' }));
  app.post('/verify', async (c) => {
    const item = await readJson(c);
    return item instanceof Response ? item : verify(state, c, [item.value], ([verdict]) => verdict);
  });
  app.post('/verify/batch', async (c) => {
    const body = await readJson(c);
    if (body instanceof Response) return body;
    const items = (body.value as { items?: unknown } | null)?.items;
    if (!Array.isArray(items)) return failure(c, 400, 'expected {"items": [...]}');
    return verify(state, c, items, (verdicts) => ({ verdicts }));
  });
  app.notFound((c) =>
    failure(
      c,
      404,
      `${c.req.method} ${c.req.path} not found; expected POST /verify, POST /verify/batch, GET /health or GET /metrics`,
    ),
  );
  app.onError((error, c) => failure(c, 500, error.message));
  return app;
}

const failure = (c: Context, status: 400 | 404 | 413 | 500 | 503, error: string): Response =>
  c.json({ error }, status);

async function verify(
  { grader, options: { maxItems, width }, metrics }: State,
  c: Context,
  items: readonly unknown[],
  shape: (verdicts: readonly Verdict[]) => object | undefined,
): Promise<Response> {
  if (items.length > maxItems)
    return failure(
      c,
      413,
      `expected at most ${maxItems} items in a batch, got ${items.length}; split the batch`,
    );
  if (metrics.waiting() + items.length > maxItems) {
    c.header('retry-after', '1');
    return failure(c, 503, `the queue is full: ${metrics.waiting()} of at most ${maxItems} items; retry`);
  }
  const finish = metrics.begin(items.length);
  const verdicts: Verdict[] = [];
  try {
    const placed = items.map((item, i) => [item, `item ${i + 1}`] as const);
    for await (const verdict of gradeInOrder(grader, placed, width, c.req.raw.signal)) verdicts.push(verdict);
  } finally {
    finish(verdicts);
  }
  return c.body(stringifyJson(shape(verdicts)), 200, { 'content-type': 'application/json' });
}

/** Returns the parsed body, or the response to a body that is not JSON. */
async function readJson(c: Context): Promise<{ readonly value: unknown } | Response> {
  try {
    return { value: parseJson(await c.req.text()) };
  } catch (error) {
    return failure(c, 400, `expected JSON: ${String(error)}`);
  }
}
