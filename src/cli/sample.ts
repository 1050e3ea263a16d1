import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { ConfigError } from '../core/errors.ts';
import { type AuthoredMessage, type FinishReason, lastAnswer, writtenCount } from '../core/transcript.ts';
import { type Answered, ask, type AskOptions, type Respondent } from '../models/ask.ts';
import { chooseEngine, locateModel, openModel } from '../models/open-model.ts';
import { openRespondent } from '../models/open-respondent.ts';
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
  readonly domain?: string;
  readonly closedBook?: boolean;
}

/** `gradus sample`: generates answers to prompts, or chats. */
export function addSampleCommand(program: Command): void {
  addTrustOption(addEngineOptions(program.command('sample')))
    .description('generate answers; without a prompt: chat, or one prompt per line from a pipe')
    .argument('<model>', 'model folder or run directory')
    .argument('[prompt...]', 'prompt; words are joined by spaces')
    .option('--temperature <t>', 'sampling temperature; 0 is greedy', realNumber(0), 1)
    .option('--greedy', 'same as --temperature 0')
    .option('--max-tokens <n>', 'maximum tokens per answer', wholeNumber(1), 512)
    .option('--seed <n>', 'sampling seed; equal seeds give equal answers', wholeNumber(), 0)
    .option('--count <n>', 'answers per prompt', wholeNumber(1), 1)
    .option('--domain <name>', "domain whose environment answers the model's turns, if the run has several")
    .option('--closed-book', "answer in one turn, without the run's environment")
    .action(async (path: string, words: string[], flags: SampleFlags, command: Command) => {
      const { maxTokens, seed, count, domain, closedBook, trust } = flags;
      const writing = { maxTokens, seed, count, temperature: flags.greedy === true ? 0 : flags.temperature };
      const output = outputOf(command);
      const source = await locateModel(path, flags);
      await using opened = new AsyncDisposableStack();
      const model = opened.use(await openModel(source, chooseEngine(source, flags)));
      const turns = { domain, closedBook, trust };
      const engine = await openRespondent(model, path, source.stored, turns, opened);
      warnAboutLimits(engine, maxTokens, output);
      const isChat = words.length === 0 && process.stdin.isTTY;
      if (isChat && output.isJson) {
        throw new ConfigError('--json needs a prompt, or prompts from a pipe', {
          tryNext: `gradus sample ${path} --json "2+2=?"`,
        });
      }
      if (isChat) await chat(engine, writing, { input: process.stdin, output: process.stdout });
      else {
        const prompts = words.length === 0 ? linesOf(process.stdin) : [words.join(' ')];
        await withInterrupt((signal) => answerAll(engine, prompts, writing, signal, output));
      }
    });
}

/** A finished answer. */
interface WrittenText {
  readonly index: number;
  readonly text: string;
  readonly tokens: number;
  readonly finishReason: FinishReason;
  /** Messages of the model and its environment after the prompt; only for answers with several turns. */
  readonly messages?: readonly AuthoredMessage[];
  /** The failure of the environment that ended the answer. */
  readonly failure?: string;
}

/** Warns if answers will end before `--max-tokens`. */
function warnAboutLimits({ sampler }: Respondent, maxTokens: number, output: Output): void {
  const { maxSequenceTokens = Infinity } = sampler.info;
  if (maxTokens <= maxSequenceTokens) return;
  output.warn(
    `--max-tokens ${maxTokens}: prompt and answer together are limited to the model's ${maxSequenceTokens} tokens`,
  );
}

/** Prints each answer when it is finished; with `--json`, the result lists all answers in order. */
async function answerAll(
  engine: Respondent,
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
      const answer = writtenText(event, engine.turns !== undefined);
      answers.push({ prompt, ...answer });
      output.event({ type: 'answer', prompt, ...answer });
      output.say(options.count === 1 ? event.rest : `${answer.index}: ${event.rest}`);
      if (event.failure !== undefined) output.warn(event.failure);
    }
    all.push(...answers.toSorted((a, b) => a.index - b.index));
    signal.throwIfAborted();
  }
  if (output.isJson) output.result(all);
}

function writtenText({ index, transcript, failure }: Answered, isInTurns: boolean): WrittenText {
  const { finishReason } = transcript.written.at(-1)!;
  return {
    index,
    text: lastAnswer(transcript),
    tokens: writtenCount(transcript),
    finishReason,
    ...(isInTurns && { messages: transcript.messages.filter(({ author }) => author !== 'problem') }),
    ...(failure !== undefined && { failure }),
  };
}

async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  for await (const line of createInterface({ input })) if (line.trim() !== '') yield line;
}
