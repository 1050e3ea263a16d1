import { createInterface } from 'node:readline';
import { printable } from '../core/printable.ts';
import type { Message } from '../core/problem.ts';
import { streamAnswer, type WritingOptions } from '../models/converse.ts';

/** Where a chat takes place. */
export interface ChatTerminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

type Engine = Parameters<typeof streamAnswer>[0];

/**
 * Talks with a model until the input ends. `/new` begins a new conversation; Ctrl-C cuts an answer short, and between
 * answers ends the chat. When the conversation outgrows the model's window its oldest exchanges are forgotten.
 */
export async function chat(
  engine: Engine,
  options: Omit<WritingOptions, 'signal'>,
  { input, output }: ChatTerminal,
): Promise<void> {
  const lines = createInterface({ input, output, prompt: '> ' });
  let conversation: Message[] = [];
  let turn = 0;
  let answering: AbortController | null = null;
  let isOpen = true;
  lines.on('SIGINT', () => (answering === null ? lines.close() : answering.abort()));
  // The input may end while an answer is being written.
  lines.on('close', () => (isOpen = false));
  output.write('Ctrl-D ends the chat, /new begins another, Ctrl-C cuts an answer short.\n');
  lines.prompt();
  for await (const line of lines) {
    if (line.trim() === '/new') conversation = [];
    else if (line.trim() !== '') {
      conversation = forgetOldest(engine, [...conversation, { role: 'user', content: line }], output);
      answering = new AbortController();
      const answer = await write(engine, conversation, output, {
        ...options,
        seed: options.seed + turn++,
        signal: answering.signal,
      });
      answering = null;
      conversation.push({ role: 'assistant', content: answer });
    }
    if (isOpen) lines.prompt();
  }
  output.write('\n');
}

async function write(
  engine: Engine,
  conversation: readonly Message[],
  output: NodeJS.WritableStream,
  options: WritingOptions,
): Promise<string> {
  let answer = '';
  for await (const piece of streamAnswer(engine, conversation, options)) {
    output.write(printable(piece, { lines: true }));
    answer += piece;
  }
  output.write('\n');
  return answer;
}

/** Leaves out exchanges from the beginning until a quarter of the window is free for the answer. */
function forgetOldest(engine: Engine, conversation: Message[], output: NodeJS.WritableStream): Message[] {
  const most = 0.75 * engine.info.maxSequenceTokens;
  let kept = conversation;
  while (kept.length > 2 && engine.encode(kept).length > most) kept = kept.slice(2);
  if (kept.length < conversation.length) output.write('(the oldest exchanges are forgotten)\n');
  return kept;
}
