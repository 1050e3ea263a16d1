import { parseJson } from '../../core/lossless-json.ts';

/**
 * Parses a list or object encoded as a string: JSON, or Python literals (`{'a': None}`) as exported by pandas. Returns
 * `undefined` for other or malformed text.
 */
export function readStructure(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  const value = jsonOf(text) ?? pythonOf(text);
  return typeof value === 'object' && value !== null ? value : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function pythonOf(text: string): unknown {
  try {
    const reader = new LiteralReader(text);
    return reader.readWhole();
  } catch (error) {
    if (error instanceof NotALiteral) return undefined;
    throw error;
  }
}

class NotALiteral extends Error {}

/** Maximum nesting depth. */
const maxDepth = 200;

const constants: Readonly<Record<string, unknown>> = { None: null, True: true, False: false };

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\u0007',
  '0': '\0',
};

/** Parses the `repr` of Python's dict, list, tuple, str, int, float, None, True and False, without evaluating code. */
class LiteralReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readWhole(): unknown {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw new NotALiteral();
    return value;
  }

  #value(): unknown {
    this.#space();
    const next = this.#text[this.#at];
    if (next === '{') return this.#dict();
    if (next === '[') return this.#list(']');
    if (next === '(') return this.#list(')');
    if (next === "'" || next === '"') return this.#string();
    return this.#word();
  }

  #space(): void {
    this.#take(/\s*/y);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found === undefined) throw new NotALiteral();
    this.#at += found.length;
    return found;
  }

  /** Parses comma-separated parts up to the character `close`. */
  #parts(close: string, part: () => void): void {
    if (++this.#depth > maxDepth) throw new NotALiteral();
    this.#at++;
    for (;;) {
      this.#space();
      if (this.#text[this.#at] === close) break;
      part();
      this.#space();
      if (this.#text[this.#at] === ',') this.#at++;
      else if (this.#text[this.#at] !== close) throw new NotALiteral();
    }
    this.#at++;
    this.#depth--;
  }

  #list(close: string): unknown[] {
    const values: unknown[] = [];
    this.#parts(close, () => values.push(this.#value()));
    return values;
  }

  #dict(): object {
    const entries: [string, unknown][] = [];
    this.#parts('}', () => {
      const key = this.#value();
      this.#space();
      this.#take(/:/y);
      entries.push([String(key), this.#value()]);
    });
    return Object.fromEntries(entries);
  }

  #string(): string {
    const quote = this.#text[this.#at++]!;
    let content = '';
    for (;;) {
      content += this.#take(quote === "'" ? /[^'\\\n]*/y : /[^"\\\n]*/y);
      const end = this.#text[this.#at++];
      if (end === quote) return content;
      if (end !== '\\') throw new NotALiteral();
      content += this.#escape();
    }
  }

  #escape(): string {
    const name = this.#text[this.#at++];
    if (name === undefined) throw new NotALiteral();
    const digits = { x: /[0-9a-f]{2}/iy, u: /[0-9a-f]{4}/iy, U: /[0-9a-f]{8}/iy }[name];
    if (digits === undefined) return escapes[name] ?? (/['"\\]/.test(name) ? name : `\\${name}`);
    const code = Number.parseInt(this.#take(digits), 16);
    if (code > 0x10ffff) throw new NotALiteral();
    return String.fromCodePoint(code);
  }

  #word(): unknown {
    const word = this.#take(/[-+\w.]+/y);
    if (Object.hasOwn(constants, word)) return constants[word];
    if (/^-?\d+$/.test(word)) return Number.isSafeInteger(Number(word)) ? Number(word) : BigInt(word);
    if (/^-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(word)) return Number(word);
    throw new NotALiteral();
  }
}
