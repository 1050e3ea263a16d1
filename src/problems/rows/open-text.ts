import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { DataError } from '../../core/errors.ts';

/**
 * The text of a UTF-8 file in pieces, without its byte order mark; a name that ends in `.gz` is unpacked on the way.
 * Throws a `DataError` for a file that is missing, not UTF-8, or cut off.
 * @param shown what the file is called in messages.
 */
export async function* openText(file: string, shown: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const bytes = createReadStream(file, { highWaterMark: 1 << 18 });
  const stream = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  if (stream !== bytes) bytes.on('error', (error) => stream.destroy(error));
  try {
    for await (const piece of stream) yield decoder.decode(piece as Uint8Array, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    throw unreadable(cause, file, shown);
  } finally {
    bytes.destroy();
  }
}

function unreadable(cause: unknown, file: string, shown: string): unknown {
  if (!(cause instanceof Error)) return cause;
  if ('syscall' in cause)
    return new DataError(`${shown}: expected a readable file, got ${cause.message}`, {
      cause,
      tryNext: `ls -l ${file}`,
    });
  const code = 'code' in cause ? String(cause.code) : '';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return new DataError(`${shown}: expected UTF-8 text, got other bytes; convert it first`, {
      cause,
      tryNext: `iconv -f latin1 -t utf-8 ${file}`,
    });
  if (code.startsWith('Z_'))
    return new DataError(`${shown}: expected a whole gzip file, got ${cause.message}; fetch it again`, {
      cause,
      tryNext: `gzip -t ${file}`,
    });
  return cause;
}
