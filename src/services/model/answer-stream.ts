import type { SSEStreamingApi } from 'hono/streaming';
import type { Completion } from '../../engines/engine.ts';
import { type Answering, endOf, placesIn, scoresOf, textOf, usageOf, writeCompletions } from './answer.ts';
import { createTextPieces, type TextPieces } from './text-pieces.ts';

/** A choice under way. */
interface OpenChoice {
  readonly pieces: TextPieces;
  isBegun: boolean;
}

/**
 * Sends an answer as server-sent events: pieces of each choice as they are written, the last one with what ends the
 * choice, then the usage where asked for, and `[DONE]`. With log-probabilities or an echo each choice is one piece.
 */
export async function streamAnswer(
  answering: Answering,
  head: object,
  stream: SSEStreamingApi,
): Promise<void> {
  const { asked, engine, shape, signal } = answering;
  const placeOf = placesIn(asked);
  const open = new Map<number, OpenChoice>();
  const choiceAt = (index: number): OpenChoice => {
    const choice = open.get(index) ?? {
      pieces: createTextPieces(engine, asked.sampling.stop),
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
  const isReadAlong = asked.alternatives === null && !asked.isEchoed;
  const completions = writeCompletions(
    answering,
    isReadAlong
      ? (part) => {
          const text = choiceAt(placeOf(part)).pieces.add(part.tokens);
          // Events are sent in the order they are handed over; a connection that is gone ends the answer by its signal.
          if (text !== '') void sendPiece(placeOf(part), text, { finish_reason: null, logprobs: null });
        }
      : undefined,
  );
  const written: Pick<Completion, 'tokens'>[] = [];
  for await (const completion of completions) {
    written.push({ tokens: completion.tokens });
    const scores = await scoresOf(answering, [completion]);
    const rest = choiceAt(placeOf(completion)).pieces.end(textOf(answering, completion));
    await sendPiece(placeOf(completion), rest, endOf(answering, completion, scores?.[0]));
    open.delete(placeOf(completion));
  }
  if (signal.aborted) return;
  if (asked.withUsage) await send({ ...head, choices: [], usage: usageOf(asked, written) });
  await stream.writeSSE({ data: '[DONE]' });
}
