import type { SSEStreamingApi } from 'hono/streaming';
import type { Completion } from '../../engines/engine.ts';
import {
  type ActiveRequest,
  choiceIndexIn,
  endOf,
  scoresOf,
  textOf,
  usageOf,
  writeCompletions,
} from './answer.ts';
import { createTextPieces, type TextPieces } from '../../models/text-pieces.ts';

/** A choice in flight. */
interface OpenChoice {
  readonly pieces: TextPieces;
  isBegun: boolean;
}

/**
 * Sends a response as server-sent events: pieces of each choice as they are sampled, the last piece with the finish
 * reason, then the usage if requested, and `[DONE]`. With log-probabilities, `echo` or a strategy, each choice is
 * sent in one piece.
 */
export async function streamAnswer(
  active: ActiveRequest,
  head: object,
  stream: SSEStreamingApi,
): Promise<void> {
  const { request, engine, shape, signal } = active;
  const choiceIndex = choiceIndexIn(request);
  const open = new Map<number, OpenChoice>();
  const choiceAt = (index: number): OpenChoice => {
    const choice = open.get(index) ?? {
      pieces: createTextPieces(engine.renderer, request.sampling.stop),
      isBegun: false,
    };
    open.set(index, choice);
    return choice;
  };
  const send = (event: object): Promise<void> => stream.writeSSE({ data: JSON.stringify(event) });
  const sendPiece = (index: number, text: string, end: object): Promise<void> => {
    const choice = choiceAt(index);
    const piece = shape.piece(text, !choice.isBegun);
    choice.isBegun = true;
    return send({ ...head, choices: [{ index, ...piece, ...end }] });
  };
  const isIncremental = request.alternatives === null && !request.isEchoed && active.strategy === undefined;
  const written: Completion[] = [];
  for await (const event of writeCompletions(active, isIncremental)) {
    const index = choiceIndex(event);
    if (event.type === 'part') {
      const text = choiceAt(index).pieces.add(event.tokens);
      if (text !== '') await sendPiece(index, text, { finish_reason: null, logprobs: null });
      continue;
    }
    const completion = event;
    written.push(completion);
    const scores = await scoresOf(active, [completion]);
    const rest = choiceAt(index).pieces.end(textOf(active, completion));
    await sendPiece(index, rest, endOf(active, completion, scores?.[0]));
    open.delete(index);
  }
  if (signal.aborted) return;
  if (request.withUsage) await send({ ...head, choices: [], usage: usageOf(request, written) });
  await stream.writeSSE({ data: '[DONE]' });
}
