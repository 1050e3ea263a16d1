import { VerifierError } from '../../core/errors.ts';

/**
 * Converts a value returned by a Python function from the tags of values.py to JavaScript. Tuples and sets become
 * arrays, integers beyond 2^53 become bigints, and dictionaries become objects with string keys.
 */
export function plainValue(packed: unknown): unknown {
  if (packed === null || typeof packed !== 'object') return packed;
  if (Array.isArray(packed)) return packed.map(plainValue);
  const [[tag, parts] = ['', null]] = Object.entries(packed) as [string, unknown][];
  switch (tag) {
    case 'tuple':
    case 'set':
    case 'frozenset':
    case 'deque':
    case 'iterator':
    case 'view':
    case 'list':
      return (parts as unknown[]).map(plainValue);
    case 'dict':
    case 'OrderedDict':
    case 'Counter':
      return Object.fromEntries(
        (parts as [unknown, unknown][]).map(([key, value]) => [keyText(plainValue(key)), plainValue(value)]),
      );
    case 'int':
      return bigintOf(parts as string);
    case 'bool':
    case 'str':
      return parts;
    default:
      throw new VerifierError(
        `a Python ${tag} has no JavaScript form; compare it in Python, with tests instead of calls`,
      );
  }
}

function keyText(key: unknown): string {
  return typeof key === 'string' ? key : typeof key === 'bigint' ? key.toString() : JSON.stringify(key);
}

function bigintOf(hex: string): bigint {
  const negative = hex.startsWith('-');
  const digits = hex.replace(/^-?(0x)?/, '');
  const size = BigInt(`0x${digits}`);
  return negative ? -size : size;
}
