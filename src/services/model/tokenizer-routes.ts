import type { Hono } from 'hono';
import * as z from 'zod';
import type { LocalEngine } from '../../engines/engine.ts';
import { errorBody } from './error-body.ts';
import { chatRequest } from './request.ts';

const tokenizeRequest = z.union([
  z.object({ prompt: z.string() }),
  z.object({ messages: chatRequest.shape.messages }),
]);
const detokenizeRequest = z.object({ tokens: z.array(z.int().min(0)) });

/**
 * Adds vLLM's routes for clients without the model's tokenizer, such as lm-evaluation-harness: `POST /tokenize`
 * (converts text or messages to tokens), `POST /detokenize`, and `GET /tokenizer_info` if `info` is given.
 */
export function addTokenizerRoutes(
  app: Hono,
  { sampler, renderer }: LocalEngine,
  info: Readonly<Record<string, unknown>> | undefined,
): void {
  app.post('/tokenize', async (c) => {
    const parsed = tokenizeRequest.safeParse(await c.req.json().catch(() => undefined));
    if (!parsed.success) return c.json(errorBody(400, 'expected {"prompt": text} or {"messages": […]}'), 400);
    const tokens =
      'prompt' in parsed.data ? renderer.encode(parsed.data.prompt) : renderer.render(parsed.data.messages);
    const { maxSequenceTokens } = sampler.info;
    return c.json({ count: tokens.length, max_model_len: maxSequenceTokens, tokens: Array.from(tokens) });
  });
  app.post('/detokenize', async (c) => {
    const parsed = detokenizeRequest.safeParse(await c.req.json().catch(() => undefined));
    if (!parsed.success) return c.json(errorBody(400, 'expected {"tokens": [ids]}'), 400);
    return c.json({ prompt: renderer.decode(Int32Array.from(parsed.data.tokens)) });
  });
  if (info !== undefined) app.get('/tokenizer_info', (c) => c.json(info));
}
