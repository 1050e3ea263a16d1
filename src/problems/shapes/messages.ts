import { imageMark } from '../../core/image.ts';
import { readStructure } from './structured-text.ts';

const roles: Readonly<Record<string, string>> = { human: 'user', gpt: 'assistant', developer: 'system' };

/**
 * Normalises a prompt: chat messages in the format of OpenAI (`role`, `content`, possibly a list of parts) or ShareGPT
 * (`from`, `value`), possibly as JSON or Python text, become `{role, content}`; images become `<image>`, and their
 * data, if a part contains it, becomes the message's `images`. Other values, such as plain strings, are returned
 * unchanged.
 */
export function promptOf(value: unknown): unknown {
  const isText = typeof value === 'string';
  const bare = isText ? withoutArray(value) : '';
  const list = /^\s*\[\s*\{/.test(bare) ? readStructure(bare) : value;
  if (!Array.isArray(list) || list.length === 0) return value;
  const messages = list.map(messageOf);
  return isText && messages.some((message) => message === undefined)
    ? value
    : messages.map((message, i) => message ?? (list[i] as unknown));
}

/** Returns the list in `array([…], dtype=object)`, which pandas writes to CSV; returns other strings unchanged. */
function withoutArray(text: string): string {
  const call = text.trim();
  if (!call.startsWith('array(') || !call.endsWith(')')) return text;
  const list = withoutEnd(call.slice('array('.length, -1).trimEnd(), 'dtype=object').trimEnd();
  return withoutEnd(list, ',');
}

const withoutEnd = (text: string, end: string): string =>
  text.endsWith(end) ? text.slice(0, -end.length) : text;

function messageOf(value: unknown): object | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const {
    role,
    content,
    from,
    value: said,
    type: _type,
    ...rest
  } = value as Readonly<Record<string, unknown>>;
  const speaker = role ?? from;
  if (typeof speaker !== 'string' || Object.values(rest).some((one) => one != null)) return undefined;
  const images = dataOf(content);
  return {
    role: roles[speaker] ?? speaker,
    content: contentOf(content ?? said),
    ...(images.length > 0 && { images }),
  };
}

function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  const texts = content.map(partOf);
  return texts.every((text) => text !== undefined) ? texts.join('\n') : content;
}

function partOf(part: unknown): string | undefined {
  if (typeof part === 'string') return part;
  const { type, text } = (part ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof text === 'string') return text;
  return typeof type === 'string' && type.includes('image') ? imageMark : undefined;
}

/** Returns the data of image parts: OpenAI's `image_url`, or `image` as in the chat templates of Qwen-VL. */
function dataOf(content: unknown): unknown[] {
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown) => {
    if (typeof part !== 'object' || part === null) return [];
    const { type, image, image_url, url } = part as Readonly<Record<string, unknown>>;
    return typeof type === 'string' && type.includes('image') ? (image ?? image_url ?? url ?? []) : [];
  });
}
