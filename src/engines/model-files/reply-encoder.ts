import { DataError } from '../../core/errors.ts';
import type { Message } from '../../core/problem.ts';
import { flattenTokens } from '../flatten-tokens.ts';
import type { RenderTemplate } from './chat-template.ts';

/** Encodes messages and text that follow the policy's message. */
export interface ReplyEncoder {
  /**
   * Encodes the continuation after the policy's message in a conversation: the end of its turn, the messages and the
   * generation prompt.
   *
   * @param hasEnded true if the policy's message ends with an end token, which is then not added.
   * @throws DataError if the template rewrites the policy's message when these messages follow.
   */
  encodeReply(messages: readonly Message[], hasEnded: boolean): Int32Array;
  /**
   * Encodes text by an author other than the policy: strings of special tokens are encoded as plain text.
   *
   * @param ownTags tags of the environment's format, such as `<result>`; each is encoded as one token if the vocabulary
   * has it.
   */
  encodeForeign(text: string, ownTags?: readonly string[]): Int32Array;
}

interface Parts {
  readonly folder: string;
  readonly endTokens: readonly number[];
  /** Tokens outside the learned vocabulary, such as `<|im_end|>`. */
  readonly addedTokens: Iterable<{ readonly content: string; readonly special: boolean }>;
  readonly template: RenderTemplate | null;
  readonly encode: (text: string) => Int32Array;
  readonly decode: (tokens: Int32Array) => string;
}

/** Placeholder for the policy's message when a template is rendered. */
const mark = 'gradus:policy';
/** A message with thinking, to detect a template that drops it. */
const thinking = `<think>\nso\n</think>\n\n${mark}`;

/**
 * Creates an encoder for messages and text after the policy's message. It renders the template with a placeholder
 * instead of the policy's message and encodes only the text after the placeholder, so that sampled tokens are never
 * encoded again.
 */
export function createReplyEncoder(parts: Parts): ReplyEncoder {
  const { folder, template, encode } = parts;
  const checked = new Set<string>();
  const control = Array.from(parts.addedTokens, (token) => (isControl(token) ? token.content : [])).flat();
  const split = createTextSplitter(control);
  const encodeForeign = (text: string, ownTags: readonly string[] = []): Int32Array => {
    const isOwn = ownTags.some((tag) => control.includes(tag));
    const cut = isOwn ? createTextSplitter(control.filter((tag) => !ownTags.includes(tag))) : split;
    return flattenTokens(cut(text).map(encode));
  };
  const encodeReply = (messages: readonly Message[], hasEnded: boolean): Int32Array => {
    if (template === null) return encodeForeign(messages.map(({ content }) => `\n${content}`).join(''));
    const roles = messages.map(({ role }) => role).join(' ');
    if (!checked.has(roles)) requireKeptHistory(folder, template, messages);
    checked.add(roles);
    const cut = unusedCharacter(messages);
    const marked = messages.map((message) => ({ ...message, content: split(message.content).join(cut) }));
    const rendered = template([question, { role: 'assistant', content: mark }, ...marked]);
    const tail = rendered.slice(rendered.lastIndexOf(mark) + mark.length);
    const tokens = flattenTokens(tail.split(cut).map(encode));
    return hasEnded && parts.endTokens.includes(tokens[0]!) ? tokens.subarray(1) : tokens;
  };
  return { encodeReply, encodeForeign };
}

const question: Message = { role: 'user', content: 'q' };

/**
 * Throws a DataError if the template changes the policy's message once `messages` follow: the policy would then
 * continue a history that the template does not render.
 */
function requireKeptHistory(folder: string, template: RenderTemplate, messages: readonly Message[]): void {
  const roles = messages.map(({ role }) => role);
  const probes = roles.map((role) => ({ role, content: 'r' }));
  const kept = template([question]) + thinking;
  if (template([question, { role: 'assistant', content: thinking }, ...probes]).startsWith(kept)) return;
  const isPlainKept = template([question, { role: 'assistant', content: mark }, ...probes]).includes(
    template([question]) + mark,
  );
  throw new DataError(
    `${folder}: expected a chat template that keeps earlier turns when a message of role ${roles.join(', ')} follows, ` +
      `got one that ${isPlainKept ? 'drops earlier thinking' : 'rewrites them'}; use an environment that replies in another ` +
      'role or inserts text (format: tags), or edit chat_template.jinja',
    { code: 'HISTORY_REWRITTEN' },
  );
}

/**
 * Returns whether an added token is a control token or a tag; some tokenizers also add ordinary words and white space.
 */
const isControl = ({ content, special }: { readonly content: string; readonly special: boolean }): boolean =>
  [...content].length > 1 && (special || /^[<[].*[>\]]$/su.test(content)) && content.trim() !== '';

/**
 * Returns a function that splits text inside each occurrence of a control token's string, so that no piece
 * contains one. Encoded piece by piece, the text decodes to itself and contains no control token.
 */
function createTextSplitter(control: readonly string[]): (text: string) => string[] {
  if (control.length === 0) return (text) => [text];
  const escaped = control.map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  const start = new RegExp(`(?=${escaped.join('|')})`, 'gsu');
  return (text) => {
    const cuts = Array.from(
      text.matchAll(start),
      ({ index }) => index + (text.codePointAt(index)! > 0xffff ? 2 : 1),
    );
    return [...new Set([0, ...cuts])].map((from, i, all) => text.slice(from, all[i + 1]));
  };
}

/** Returns a character that no message contains. */
function unusedCharacter(messages: readonly Message[]): string {
  let code = 0xe000;
  while (messages.some(({ content }) => content.includes(String.fromCharCode(code)))) code++;
  return String.fromCharCode(code);
}
