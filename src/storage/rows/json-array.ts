import { DataError } from '../../core/errors.ts';
import { parseJson } from '../../core/lossless-json.ts';
import { openText } from './open-text.ts';
import type { Row } from './row.ts';

/**
 * Streams the rows of a JSON file: the elements of one list, or concatenated objects with any white space. Parses
 * elements one at a time, so the file may be larger than memory.
 */
export async function* jsonArray(file: string, shown: string): AsyncGenerator<Row> {
  const splitter = new ElementSplitter();
  let number = 0;
  for await (const piece of openText(file, shown))
    for (const element of splitter.feed(piece)) yield rowOf(element, shown, ++number);
  const rest = splitter.rest();
  if (rest !== undefined) yield rowOf(rest, shown, ++number);
}

function rowOf(text: string, shown: string, number: number): Row {
  return {
    number,
    read() {
      try {
        return parseJson(text);
      } catch (cause) {
        const isPython = /\b(?:NaN|Infinity)\b/.test(text);
        throw new DataError(
          `${shown}:${number}: expected one whole JSON object, got ${JSON.stringify(text.slice(-40))}; ` +
            (isPython ? "Python's NaN and Infinity are not JSON: write null" : 'is the file cut off?'),
          { cause },
        );
      }
    },
  };
}

/** Splits streamed text into its top-level elements by counting brackets outside strings. */
class ElementSplitter {
  /** Text read but not yet returned, from the start of the current element. */
  #text = '';
  #position = 0;
  #start = -1;
  #depth = 0;
  /** Nesting depth at which elements begin: 1 inside a list, 0 for concatenated objects. */
  #base: 0 | 1 = 0;
  #isBegun = false;
  #inString = false;

  *feed(piece: string): Generator<string> {
    this.#text += piece;
    while (this.#position < this.#text.length) {
      const element = this.#inString ? this.#string() : this.#step(this.#text[this.#position++]!);
      if (element !== undefined) yield element;
    }
    const cut = this.#start < 0 ? this.#position : this.#start;
    this.#text = this.#text.slice(cut);
    this.#position -= cut;
    if (this.#start > 0) this.#start = 0;
  }

  /** Returns the text of an element that is still open at the end of the file; undefined if there is none. */
  rest(): string | undefined {
    if (this.#start >= 0) return this.#text.slice(this.#start);
    return this.#depth > 0 ? '' : undefined;
  }

  /** Called inside a string: advances past the closing quote, or past one escape. */
  #string(): undefined {
    const quote = this.#text.indexOf('"', this.#position);
    const escape = this.#text.slice(this.#position, quote < 0 ? undefined : quote).indexOf('\\');
    if (escape < 0) {
      this.#position = quote < 0 ? this.#text.length : quote + 1;
      this.#inString = quote < 0;
      return;
    }
    // An escape is two characters; the second may be in the next piece.
    this.#position += escape + 2;
  }

  /** Consumes one character outside strings; returns the element that the character ends, if any. */
  #step(character: string): string | undefined {
    const isOutside = this.#depth === this.#base;
    if (!this.#isBegun && character === '[') {
      this.#isBegun = true;
      this.#base = 1;
      this.#depth = 1;
      return undefined;
    }
    if (isOutside && (/[\s,]/.test(character) || character === ']')) {
      if (character === ']') this.#depth--;
      return this.#start < 0 ? undefined : this.#take(this.#position - 1);
    }
    if (isOutside && this.#start < 0) this.#start = this.#position - 1;
    if (character === '"') this.#inString = true;
    else if (character === '{' || character === '[') this.#depth++;
    else if (character === '}' || character === ']') this.#depth--;
    this.#isBegun ||= /\S/.test(character);
    const isEnd = (character === '}' || character === ']') && this.#depth === this.#base;
    return isEnd ? this.#take(this.#position) : undefined;
  }

  #take(end: number): string {
    const element = this.#text.slice(this.#start, end);
    this.#start = -1;
    return element;
  }
}
