/**
 * Returns the source of the harness, which runs in the same context as a program. The harness is evaluated first and
 * saves the built-ins that it needs, so a program that tampers with prototypes affects only itself. It returns values
 * as JSON text of plain data (own data properties only: no getters, no `toJSON`), with tags for what JSON lacks.
 *
 * What it does NOT stop: it runs in the program's context, so a program can make it return anything. It therefore
 * contains no secret: whatever it returns must still equal an expected value that stays outside.
 */
export function harnessSource(entryPoint: string, maxOutputCharacters: number): string {
  const source = `(() => {
  const { isArray } = Array, { getOwnPropertyDescriptor, getPrototypeOf, keys } = Object, { stringify, parse } = JSON;
  const plainPrototype = Object.prototype, largestBigint = 1n << ${maxBigintBits}n;
  let entry;
  const field = (value, key) => {
    const found = getOwnPropertyDescriptor(value, key);
    if (found === undefined || !('value' in found)) throw 'returned an object with a getter or a hole';
    return encode(found.value);
  };
  let depth = 0;
  const encode = (value) => {
    switch (typeof value) {
      case 'boolean': return '' + value;
      case 'string': return stringify(value);
      case 'number': return value - value === 0 ? '' + value : '["number","' + value + '"]';
      case 'bigint':
        // Converting a number to decimal takes quadratic time without interruption.
        if (value > largestBigint || value < -largestBigint) throw 'returned a bigint of more than ${maxBigintBits} bits';
        return '["bigint","' + value + '"]';
      case 'undefined': return '["undefined"]';
      case 'object': break;
      default: throw 'returned a ' + typeof value;
    }
    if (value === null) return 'null';
    if (++depth > ${maxDepth}) throw 'returned data nested deeper than ${maxDepth}';
    let text = isArray(value) ? '["array"' : '["object"';
    if (isArray(value)) for (let i = 0; i < value.length; i++) text += ',' + field(value, i);
    else {
      const prototype = getPrototypeOf(value);
      if (prototype !== plainPrototype && prototype !== null) throw 'returned an object of a class';
      const names = keys(value);
      for (let i = 0; i < names.length; i++) text += ',[' + stringify(names[i]) + ',' + field(value, names[i]) + ']';
    }
    depth--;
    return text + ']';
  };
  const describe = (error) => {
    if (typeof error === 'string') return error;
    if (typeof error !== 'object' || error === null) return 'threw a ' + typeof error;
    const text = (holder, key) => {
      const found = holder === null ? undefined : getOwnPropertyDescriptor(holder, key);
      return found !== undefined && typeof found.value === 'string' ? found.value : '';
    };
    return text(getPrototypeOf(error), 'name') + ': ' + text(error, 'message');
  };
  const load = (completion) => {
    entry = typeof ${entryPoint} === 'function' ? ${entryPoint} : completion;
    return typeof entry === 'function' ? '' : 'defines no function ${entryPoint}';
  };
  const call = (inputs) => {
    try {
      depth = 0;
      const text = '=' + encode(entry(...inputs));
      return text.length > ${maxOutputCharacters} ? '#overflow' : text;
    } catch (error) {
      return '!' + describe(error);
    }
  };
  const callAll = (text) => {
    const lists = typeof text === 'string' ? parse(text) : text;
    let answers = '';
    for (let i = 0; i < lists.length; i++) answers += (i === 0 ? '[' : ',') + stringify(call(lists[i]));
    return answers + ']';
  };
  return (operation, value) => {
    if (operation === ${operations.load}) return load(value);
    return operation === ${operations.callAll} ? callAll(value) : describe(value);
  };
})()`;
  // Make the text short: parsing it is a large part of the cost of a small program.
  return source.replaceAll(/^\s*(?:\/\/.*)?\n?/gm, '');
}

/** Maximum nesting depth of returned data. */
const maxDepth = 64;

const maxBigintBits = 4096;

/**
 * Operations of the harness: `load` finds the function after loading and returns the error, or an empty string;
 * `callAll` calls it with each argument list, given as JSON or as a value, and returns a JSON list (`=` and tagged
 * data, `!` and an error, or `#overflow`); `describe` describes a thrown value.
 */
export const operations = { load: 0, callAll: 1, describe: 2 } as const;

/** Decodes the harness's tagged JSON. Throws if the text is not in that format. */
export function decodeValue(text: string): unknown {
  return untag(JSON.parse(text), 0);
}

function untag(value: unknown, depth: number): unknown {
  if (!Array.isArray(value)) return value;
  if (depth > maxDepth) throw new RangeError('nested too deep');
  const [tag, ...rest] = value as [string, ...unknown[]];
  switch (tag) {
    case 'undefined':
      return undefined;
    case 'number':
      return Number(rest[0]);
    case 'bigint':
      return BigInt(String(rest[0]));
    case 'array':
      return rest.map((item) => untag(item, depth + 1));
    case 'object':
      return Object.fromEntries(
        (rest as [string, unknown][]).map(([key, item]) => [key, untag(item, depth + 1)]),
      );
    default:
      throw new TypeError(`unknown tag ${tag}`);
  }
}
