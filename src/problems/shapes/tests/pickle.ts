import { DataError } from '../../../core/errors.ts';

/**
 * Reads a pickle of plain data (None, booleans, numbers, strings, bytes, lists, tuples, dictionaries, sets) and
 * executes nothing: opcodes that import or call (GLOBAL, REDUCE, BUILD, INST, OBJ, NEWOBJ, EXT, PERSID) are rejected.
 * Protocols 0 to 5, as in CPython's `pickletools`. Integers beyond 2^53 become bigints.
 *
 * @throws DataError if the pickle has any other content, is truncated, or contains more than a million objects.
 */
export function readPickle(bytes: Uint8Array): unknown {
  return new PickleReader(bytes).read();
}

const mark = Symbol('mark');
const maxObjects = 1_000_000;

class PickleReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #position = 0;
  #objects = 0;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): unknown {
    for (;;) {
      const opcode = String.fromCharCode(this.#byte());
      if (opcode === '.') return this.#pop();
      const operation = operations[opcode];
      if (operation === undefined) {
        throw this.#error(`opcode 0x${opcode.charCodeAt(0).toString(16)} is not plain data`);
      }
      if (++this.#objects > maxObjects) throw this.#error('more than a million objects');
      operation(this.#machine);
    }
  }

  readonly #machine: Machine = {
    push: (value) => void this.#stack.push(value),
    pop: () => this.#pop(),
    top: () => {
      const value = this.#pop();
      this.#stack.push(value);
      return value;
    },
    popToMark: () => {
      const at = this.#stack.lastIndexOf(mark);
      if (at < 0) throw this.#error('no mark on the stack');
      return this.#stack.splice(at).slice(1);
    },
    line: () => this.#line(),
    unsigned: (size) => this.#unsigned(size),
    take: (length) => this.#take(length),
    store: (key) => void this.#memo.set(key < 0 ? this.#memo.size : key, this.#stack.at(-1)),
    load: (key) => {
      if (!this.#memo.has(key)) throw this.#error(`nothing stored under ${key}`);
      return this.#memo.get(key);
    },
    fail: (message) => this.#error(message),
  };

  #pop(): unknown {
    if (this.#stack.length === 0) throw this.#error('the stack is empty');
    return this.#stack.pop();
  }

  #byte(): number {
    return this.#take(1)[0]!;
  }

  #take(length: number): Uint8Array {
    const end = this.#position + length;
    if (!(end <= this.#bytes.length)) throw this.#error('the data ends early');
    const taken = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }

  #unsigned(size: 1 | 2 | 4 | 8): number {
    const at = this.#position;
    this.#take(size);
    if (size === 8) return Number(this.#view.getBigUint64(at, true));
    return size === 4
      ? this.#view.getUint32(at, true)
      : size === 2
        ? this.#view.getUint16(at, true)
        : this.#view.getUint8(at);
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    if (end < 0) throw this.#error('the data ends early');
    const line = latin1(this.#take(end - this.#position));
    this.#position++;
    return line;
  }

  #error(message: string): DataError {
    return new DataError(
      `expected a pickle of plain data, got one where at byte ${this.#position} ${message}`,
    );
  }
}

/** The state of the pickle machine, and the operations that opcodes use. */
interface Machine {
  push(value: unknown): void;
  pop(): unknown;
  top(): unknown;
  popToMark(): unknown[];
  line(): string;
  unsigned(size: 1 | 2 | 4 | 8): number;
  take(length: number): Uint8Array;
  /** Stores the top of the stack in the memo; a negative key means the next free one. */
  store(key: number): void;
  load(key: number): unknown;
  fail(message: string): DataError;
}

const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function asNumber(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function littleEndian(bytes: Uint8Array): number | bigint {
  if (bytes.length === 0) return 0;
  const hex = Buffer.from(bytes).toReversed();
  return asNumber(BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(hex).toString('hex')}`)));
}

function textNumber(machine: Machine, text: string): number | bigint | boolean {
  if (text === '00' || text === '01') return text === '01';
  const digits = text.replace(/L$/, '');
  if (!/^-?\d{1,10000}$/.test(digits)) throw machine.fail(`${text.slice(0, 20)} is not an integer`);
  return asNumber(BigInt(digits));
}

function double(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, false);
}

/** Returns the content of a protocol 0 string, which is a quoted Python literal. */
function unquote(machine: Machine, literal: string): string {
  const body = /^(['"])(.*)\1$/s.exec(literal)?.[2];
  if (body === undefined) throw machine.fail('a string has no quotes');
  const named: Record<string, string> = { n: '\n', t: '\t', r: '\r' };
  return body.replaceAll(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, escape: string) =>
    escape.length === 3
      ? String.fromCharCode(Number.parseInt(escape.slice(1), 16))
      : (named[escape] ?? escape),
  );
}

function escapedUnicode(text: string): string {
  return text.replaceAll(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short?: string, long?: string) =>
    String.fromCodePoint(Number.parseInt(short ?? long!, 16)),
  );
}

function listOn(machine: Machine): unknown[] {
  const list = machine.top();
  if (!Array.isArray(list)) throw machine.fail('something is appended to a value that is not a list');
  return list as unknown[];
}

function setItems(machine: Machine, pairs: readonly unknown[]): void {
  const target = machine.top();
  if (!isPlainObject(target)) throw machine.fail('an item is set on a value that is not a dictionary');
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const key = pairs[i];
    const name = typeof key === 'string' ? key : String(key);
    // Define an own property, even for names such as __proto__.
    Object.defineProperty(target, name, {
      value: pairs[i + 1],
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function tupleOf(machine: Machine, length: number): void {
  const items = Array.from({ length }, () => machine.pop()).toReversed();
  machine.push(items);
}

const operations: Readonly<Record<string, (machine: Machine) => void>> = {
  '\x80': (machine) => void machine.take(1), // PROTO
  '\x95': (machine) => void machine.take(8), // FRAME
  '(': (machine) => machine.push(mark),
  '0': (machine) => void machine.pop(),
  '1': (machine) => void machine.popToMark(),
  '2': (machine) => machine.push(machine.top()),
  N: (machine) => machine.push(null),
  '\x88': (machine) => machine.push(true),
  '\x89': (machine) => machine.push(false),
  I: (machine) => machine.push(textNumber(machine, machine.line())),
  L: (machine) => machine.push(textNumber(machine, machine.line())),
  J: (machine) => machine.push(machine.unsigned(4) | 0),
  K: (machine) => machine.push(machine.unsigned(1)),
  M: (machine) => machine.push(machine.unsigned(2)),
  '\x8a': (machine) => machine.push(littleEndian(machine.take(machine.unsigned(1)))), // LONG1
  '\x8b': (machine) => machine.push(littleEndian(machine.take(machine.unsigned(4)))), // LONG4
  F: (machine) => machine.push(Number(machine.line().replace(/inf$/, 'Infinity'))),
  G: (machine) => machine.push(double(machine.take(8))),
  S: (machine) => machine.push(unquote(machine, machine.line())),
  T: (machine) => machine.push(latin1(machine.take(machine.unsigned(4)))),
  U: (machine) => machine.push(latin1(machine.take(machine.unsigned(1)))),
  V: (machine) => machine.push(escapedUnicode(machine.line())),
  X: (machine) => machine.push(utf8(machine.take(machine.unsigned(4)))),
  '\x8c': (machine) => machine.push(utf8(machine.take(machine.unsigned(1)))), // SHORT_BINUNICODE
  '\x8d': (machine) => machine.push(utf8(machine.take(machine.unsigned(8)))), // BINUNICODE8
  B: (machine) => machine.push(Uint8Array.from(machine.take(machine.unsigned(4)))),
  C: (machine) => machine.push(Uint8Array.from(machine.take(machine.unsigned(1)))),
  '\x8e': (machine) => machine.push(Uint8Array.from(machine.take(machine.unsigned(8)))), // BINBYTES8
  ')': (machine) => machine.push([]),
  ']': (machine) => machine.push([]),
  '}': (machine) => machine.push({}),
  '\x8f': (machine) => machine.push([]), // EMPTY_SET
  t: (machine) => machine.push(machine.popToMark()),
  l: (machine) => machine.push(machine.popToMark()),
  '\x91': (machine) => machine.push(machine.popToMark()), // FROZENSET
  '\x85': (machine) => tupleOf(machine, 1),
  '\x86': (machine) => tupleOf(machine, 2),
  '\x87': (machine) => tupleOf(machine, 3),
  a: (machine) => {
    const item = machine.pop();
    listOn(machine).push(item);
  },
  e: (machine) => appendAll(machine),
  '\x90': (machine) => appendAll(machine), // ADDITEMS
  d: (machine) => {
    const pairs = machine.popToMark();
    machine.push({});
    setItems(machine, pairs);
  },
  s: (machine) => {
    const value = machine.pop();
    const key = machine.pop();
    setItems(machine, [key, value]);
  },
  u: (machine) => setItems(machine, machine.popToMark()),
  p: (machine) => machine.store(Number(machine.line())),
  q: (machine) => machine.store(machine.unsigned(1)),
  r: (machine) => machine.store(machine.unsigned(4)),
  '\x94': (machine) => machine.store(-1), // MEMOIZE
  g: (machine) => machine.push(machine.load(Number(machine.line()))),
  h: (machine) => machine.push(machine.load(machine.unsigned(1))),
  j: (machine) => machine.push(machine.load(machine.unsigned(4))),
};

function appendAll(machine: Machine): void {
  const items = machine.popToMark();
  const list = listOn(machine);
  for (const item of items) list.push(item);
}
