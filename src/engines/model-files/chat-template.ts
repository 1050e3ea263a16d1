import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { DataError } from '../../core/errors.ts';
import type { Message } from '../../core/problem.ts';
import { isJsonObject, type JsonObject, readOptionalText } from './json-file.ts';

/** Renders a conversation as text, with the generation prompt unless `isOpen` is false. */
export type RenderTemplate = (
  messages: readonly Message[],
  options?: { readonly tools?: readonly object[] | undefined; readonly isOpen?: boolean },
) => string;

/** Reads the chat template of a model folder; null if it has none. */
export async function loadTemplate(folder: string, settings: JsonObject): Promise<RenderTemplate | null> {
  const path = join(folder, 'chat_template.jinja');
  const source = (await readOptionalText(path)) ?? templateIn(settings['chat_template']);
  return source === null ? null : compileTemplate(source, settings, folder);
}

/**
 * Compiles the Jinja source of a chat template.
 *
 * @param settings content of `tokenizer_config.json`, for the special tokens.
 * @param name name of the template, for error messages.
 */
export function compileTemplate(source: string, settings: JsonObject, name: string): RenderTemplate {
  const context = {
    bos_token: tokenText(settings['bos_token']) ?? '',
    eos_token: tokenText(settings['eos_token']) ?? '',
    fixed_date: () => '26 Jul 2024',
  };
  const attempt = <Result>(what: string, run: () => Result): Result => {
    try {
      return run();
    } catch (cause) {
      throw new DataError(`${name}: expected a chat template that ${what} (${String(cause)})`, { cause });
    }
  };
  // Some templates print the current date. Use the date in the documentation of Llama 3, so that prompts are
  // reproducible.
  const template = attempt('parses', () => new Template(source.replaceAll('strftime_now', 'fixed_date')));
  return (messages, { tools, isOpen = true } = {}) =>
    attempt('accepts these messages', () =>
      template.render({
        ...context,
        add_generation_prompt: isOpen,
        messages: messages.map((message) => ({ ...message })),
        ...(tools !== undefined && tools.length > 0 && { tools: [...tools] }),
      }),
    );
}

/**
 * Returns the template in a value of `chat_template`: the string itself, or the entry named `default` of a list; null
 * if there is none.
 */
export function templateIn(stated: unknown): string | null {
  if (typeof stated === 'string') return stated;
  if (!Array.isArray(stated)) return null;
  const named = stated.find((entry) => isJsonObject(entry) && entry['name'] === 'default') as
    | JsonObject
    | undefined;
  return typeof named?.['template'] === 'string' ? named['template'] : null;
}

/** Returns the string of a special token, given as a string or an object; undefined for other values. */
export function tokenText(stated: unknown): string | undefined {
  const text = isJsonObject(stated) ? stated['content'] : stated;
  return typeof text === 'string' ? text : undefined;
}
