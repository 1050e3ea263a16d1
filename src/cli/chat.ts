import { createInterface } from 'node:readline';
import { printable } from '../core/text/printable.ts';
import type { Message } from '../core/problem.ts';
import { ask, type AskOptions, type Respondent } from '../models/ask.ts';

/** The streams of a chat. */
export interface ChatTerminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/**
 * Chats with a model until the input ends. `/new` starts a new conversation. Ctrl-C stops the current answer, or ends the
 * chat between answers. Drops the oldest exchanges when the conversation fills three quarters of the model's window.
 */
export async function chat(
  engine: Respondent,
  options: AskOptions,
  { input, output }: ChatTerminal,
): Promise<void> {
  const lines = createInterface({ input, output, prompt: '> ' });
  let conversation: Message[] = [];
  let turn = 0;
  let answering: AbortController | null = null;
  let isOpen = true;
  lines.on('SIGINT', () => (answering === null ? lines.close() : answering.abort()));
  // The input may close while an answer is streaming.
  lines.on('close', () => (isOpen = false));
  output.write('Ctrl-D ends the chat, /new starts another, Ctrl-C stops an answer.\n');
  lines.prompt();
  for await (const line of lines) {
    if (line.trim() === '/new') conversation = [];
    else if (line.trim() !== '') {
      conversation = forgetOldest(engine, [...conversation, { role: 'user', content: line }], output);
      answering = new AbortController();
      const turnOptions = { ...options, seed: options.seed + turn++ };
      const answer = await write(engine, conversation, output, turnOptions, answering.signal);
      answering = null;
      conversation.push({ role: 'assistant', content: answer });
    }
    if (isOpen) lines.prompt();
  }
  output.write('\n');
}

async function write(
  engine: Respondent,
  conversation: readonly Message[],
  output: NodeJS.WritableStream,
  options: AskOptions,
  signal: AbortSignal,
): Promise<string> {
  let answer = '';
  for await (const event of ask(engine, conversation, { ...options, parts: true }, signal)) {
    const piece = event.type === 'part' ? event.text : event.rest;
    output.write(printable(piece, { lines: true }));
    answer += piece;
  }
  output.write('\n');
  return answer;
}

/** Drops the oldest exchanges until a quarter of the window is free for the answer. */
function forgetOldest(
  { sampler, renderer }: Respondent,
  conversation: Message[],
  output: NodeJS.WritableStream,
): Message[] {
  const most = 0.75 * (sampler.info.maxSequenceTokens ?? Infinity);
  const isLong = (messages: Message[]): boolean => (renderer?.render(messages).length ?? 0) > most;
  let kept = conversation;
  while (kept.length > 2 && isLong(kept)) kept = kept.slice(2);
  if (kept.length < conversation.length) output.write('(dropped the oldest exchanges)\n');
  return kept;
}
