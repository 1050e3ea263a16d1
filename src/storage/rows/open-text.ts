import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { DataError } from '../../core/errors.ts';

/**
 * Streams the text of a UTF-8 file without its byte order mark; decompresses a file with the extension `.gz`.
 *
 * @param shown the file's name in messages.
 * @throws DataError if the file is missing, not UTF-8, or truncated.
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
    throw await unreadable(cause, file, shown);
  } finally {
    bytes.destroy();
  }
}

async function unreadable(cause: unknown, file: string, shown: string): Promise<unknown> {
  if (!(cause instanceof Error)) return cause;
  if ('syscall' in cause)
    return new DataError(`${shown}: expected a readable file, got ${cause.message}`, {
      cause,
      tryNext: `ls -l ${file}`,
    });
  const code = 'code' in cause ? String(cause.code) : '';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    const { got, tryNext } = nature(await firstBytes(file), file);
    return new DataError(`${shown}: expected UTF-8 text, got ${got}`, { cause, tryNext });
  }
  if (code.startsWith('Z_'))
    return new DataError(`${shown}: expected a complete gzip file, got ${cause.message}; download it again`, {
      cause,
      tryNext: `gzip -t ${file}`,
    });
  return cause;
}

/**
 * Identifies content that is not UTF-8, so that the advice suits it: converting an archive like text would destroy it.
 */
function nature(bytes: Buffer, file: string): { readonly got: string; readonly tryNext: string } {
  const start = bytes.toString('latin1');
  if (/^(?:\xff\xfe|\xfe\xff)/.test(start))
    return { got: 'UTF-16; convert it first', tryNext: `iconv -f utf-16 -t utf-8 ${file}` };
  if (start.startsWith('PAR1'))
    return { got: 'Parquet; rename it to .parquet', tryNext: `cp ${file} ${file}.parquet` };
  if (start.startsWith('\x1f\x8b'))
    return { got: 'gzip; rename it to .gz', tryNext: `cp ${file} ${file}.gz` };
  if (bytes.includes(0)) return { got: 'binary data', tryNext: `file ${file}` };
  return { got: 'other bytes; convert it first', tryNext: `iconv -f latin1 -t utf-8 ${file}` };
}

async function firstBytes(file: string): Promise<Buffer> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
  return buffer.subarray(0, bytesRead);
}
