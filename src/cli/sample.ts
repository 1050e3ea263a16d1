import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { ConfigError } from '../core/errors.ts';
import { type FinishReason, lastAnswer, writtenCount } from '../core/transcript.ts';
import { ask, type AskOptions } from '../models/ask.ts';
import { chooseEngine, locateModel, openModel } from '../models/open-model.ts';
import { unknownTokenWarning } from '../models/unknown-tokens.ts';
import { chat } from './chat.ts';
import { withInterrupt } from './interrupt.ts';
import {
  addEngineOptions,
  addTrustOption,
  type EngineFlags,
  type TrustFlags,
  realNumber,
  wholeNumber,
} from './options.ts';
import { type Output, outputOf } from './output.ts';

interface SampleFlags extends EngineFlags, TrustFlags {
  readonly temperature: number;
  readonly greedy?: boolean;
  readonly maxTokens: number;
  readonly seed: number;
  readonly count: number;
}

/** `gradus sample`: generates answers to prompts, or chats. */
export function addSampleCommand(program: Command): void {
  addTrustOption(addEngineOptions(program.command('sample')))
    .description('generate answers; without a prompt: chat, or one prompt per line from a pipe')
    .argument('<model>', 'model folder or run directory')
    .argument('[prompt...]', 'prompt; words are joined by spaces')
    .option('--temperature <t>', 'sampling temperature; 0 is greedy', realNumber(0), 1)
    .option('--greedy', 'same as --temperature 0')
    .option('--max-tokens <n>', 'most tokens per answer', wholeNumber(1), 512)
    .option('--seed <n>', 'sampling seed; equal seeds give equal answers', wholeNumber(), 0)
    .option('--count <n>', 'answers per prompt', wholeNumber(1), 1)
    .action(async (model: string, words: string[], flags: SampleFlags, command: Command) => {
      const { maxTokens, seed, count } = flags;
      const writing = { maxTokens, seed, count, temperature: flags.greedy === true ? 0 : flags.temperature };
      const output = outputOf(command);
      const source = await locateModel(model, flags);
      await using engine = await openModel(source, chooseEngine(source, flags));
      warnAboutLimits(engine, maxTokens, output);
      const isChat = words.length === 0 && process.stdin.isTTY;
      if (isChat && output.isJson) {
        throw new ConfigError('--json needs a prompt, or prompts from a pipe', {
          tryNext: `gradus sample ${model} --json "2+2=?"`,
        });
      }
      if (isChat) await chat(engine, writing, { input: process.stdin, output: process.stdout });
      else {
        const prompts = words.length === 0 ? linesOf(process.stdin) : [words.join(' ')];
        await withInterrupt((signal) => answerAll(engine, prompts, writing, signal, output));
      }
    });
}

type Engine = Parameters<typeof ask>[0];

/** A finished answer. */
interface WrittenText {
  readonly index: number;
  readonly text: string;
  readonly tokens: number;
  readonly finishReason: FinishReason;
}

/** Warns where answers will end before `--max-tokens`. */
function warnAboutLimits({ sampler }: Engine, maxTokens: number, output: Output): void {
  const { maxSequenceTokens = Infinity } = sampler.info;
  if (maxTokens <= maxSequenceTokens) return;
  output.warn(
    `--max-tokens ${maxTokens}: prompt and answer together are limited to the model's ${maxSequenceTokens} tokens`,
  );
}

/** Prints each answer when it is finished; with `--json` the result lists all, in order. */
async function answerAll(
  engine: Engine,
  prompts: Iterable<string> | AsyncIterable<string>,
  options: AskOptions,
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const all: (WrittenText & { readonly prompt: string })[] = [];
  for await (const prompt of prompts) {
    const messages = [{ role: 'user', content: prompt }] as const;
    const warning = engine.renderer && unknownTokenWarning(engine.renderer, [messages]);
    if (warning !== undefined) output.warn(warning);
    const answers: (typeof all)[number][] = [];
    for await (const event of ask(engine, messages, options, signal)) {
      if (event.type === 'part') continue;
      const { index, transcript } = event;
      const { finishReason } = transcript.written.at(-1)!;
      const answer = { index, text: lastAnswer(transcript), tokens: writtenCount(transcript), finishReason };
      answers.push({ prompt, ...answer });
      output.event({ type: 'answer', prompt, ...answer });
      output.say(options.count === 1 ? answer.text : `${answer.index}: ${answer.text}`);
    }
    all.push(...answers.toSorted((a, b) => a.index - b.index));
    signal.throwIfAborted();
  }
  if (output.isJson) output.result(all);
}

async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  for await (const line of createInterface({ input })) if (line.trim() !== '') yield line;
}
