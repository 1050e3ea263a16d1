import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ProtobufMessage } from '../../core/protobuf.ts';
import { type ExportedRun, historyLine, type RunSink } from './sink.ts';
import { makeFolder } from '../../storage/make-folder.ts';

/**
 * Writes a run in the format of W&B's offline mode: `wandb sync <folder>/offline-run-…` uploads it.
 *
 * The file is `:W&B`, 0xBEE1, version 0, then LevelDB log records (with zlib's CRC-32) of the message `Record` of
 * wandb/proto/wandb_internal.proto: {1 num, 2 history, 3 summary, 17 run, 18 exit, 21 header}.
 */
export async function wandbOfflineSink(folder: string, run: ExportedRun): Promise<RunSink> {
  const inside = join(folder, `offline-run-${compactTime(run.startedAt)}-${run.id}`);
  await makeFolder(inside);
  const log = createLog(await open(join(inside, `run-${run.id}.wandb`), 'w'));
  const seconds = Math.floor(run.startedAt.getTime() / 1000);
  let records = 0;
  let summary: Readonly<Record<string, number>> = {};
  const record = (field: number, content: ProtobufMessage): Promise<void> =>
    log.append(new ProtobufMessage().integer(1, ++records).message(field, content).join());

  await log.start();
  const versions = new ProtobufMessage().text(1, '0.19.0').text(2, '0.17.0');
  await record(21, new ProtobufMessage().message(1, versions));
  await record(
    17,
    new ProtobufMessage()
      .text(1, run.id)
      .text(3, run.project)
      .message(4, entries(1, run.recipe as object))
      .text(8, run.name)
      .message(17, new ProtobufMessage().integer(1, seconds)),
  );
  return {
    async write(step) {
      const line = historyLine(step, run.startedAt);
      summary = { ...summary, ...line };
      await record(2, entries(1, line).message(2, new ProtobufMessage().integer(1, step.step)));
    },
    async close(end) {
      await record(3, entries(1, summary));
      if (end !== null) {
        const exitCode = end === 'finished' ? 0 : 1;
        await record(18, new ProtobufMessage().integer(1, exitCode).integer(2, summary['_runtime'] ?? 0));
      }
      await log.close();
    },
  };
}

/** Returns a message with `{key = 1, value_json = 16}` for each entry. */
function entries(field: number, values: object): ProtobufMessage {
  const message = new ProtobufMessage();
  for (const [key, value] of Object.entries(values))
    message.message(field, new ProtobufMessage().text(1, key).text(16, JSON.stringify(value)));
  return message;
}

const compactTime = (date: Date): string =>
  date.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_');

const blockBytes = 32_768;
const headerBytes = 7;
const [whole, first, middle, last] = [1, 2, 3, 4] as const;

/** Writes records in blocks of 32 KiB; splits a record that does not fit into first, middle and last parts. */
function createLog(file: FileHandle) {
  let position = 0;
  const put = async (data: Uint8Array): Promise<void> => {
    await file.write(data);
    position += data.length;
  };
  const room = (): number => blockBytes - (position % blockBytes);
  return {
    start: () => put(Buffer.from([...Buffer.from(':W&B'), 0xe1, 0xbe, 0])),
    async append(data: Uint8Array): Promise<void> {
      for (let at = 0; at === 0 || at < data.length;) {
        if (room() < headerBytes) await put(new Uint8Array(room()));
        const part = data.subarray(at, at + room() - headerBytes);
        const isEnd = at + part.length === data.length;
        await put(framed(part, at === 0 ? (isEnd ? whole : first) : isEnd ? last : middle));
        at += part.length;
      }
    },
    close: () => file.close(),
  };
}

function framed(part: Uint8Array, kind: number): Uint8Array {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(crc32(part, crc32(Uint8Array.of(kind))), 0);
  header.writeUInt16LE(part.length, 4);
  header.writeUInt8(kind, 6);
  return Buffer.concat([header, part]);
}
