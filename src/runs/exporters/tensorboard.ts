import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ProtobufMessage } from '../../core/protobuf.ts';
import type { ExportedRun, RunSink } from './sink.ts';
import { makeFolder } from '../../storage/make-folder.ts';

/**
 * Writes scalars to a TensorBoard event file: `tensorboard --logdir <folder>` shows every run below the folder.
 *
 * A file is a sequence of TFRecords (length, its masked CRC-32C, data, its masked CRC-32C, little-endian) of the
 * message `Event` {1 wall_time double, 2 step int64, 3 file_version string, 5 summary {1 value
 * {1 tag, 2 simple_value float}}}; tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
 */
export async function tensorboardSink(folder: string, run: ExportedRun): Promise<RunSink> {
  const inside = join(folder, run.name);
  await makeFolder(inside);
  const started = Math.floor(run.startedAt.getTime() / 1000);
  const file = await open(join(inside, `events.out.tfevents.${started}.gradus`), 'w');
  await append(file, new ProtobufMessage().double(1, started).text(3, 'brain.Event:2'));
  return {
    async write({ step, at, values }) {
      const summary = new ProtobufMessage();
      for (const [name, value] of Object.entries(values))
        summary.message(1, new ProtobufMessage().text(1, name).float(2, value));
      const seconds = at.getTime() / 1000;
      await append(file, new ProtobufMessage().double(1, seconds).integer(2, step).message(5, summary));
    },
    close: () => file.close(),
  };
}

async function append(file: FileHandle, message: ProtobufMessage): Promise<void> {
  const event = message.join();
  const record = Buffer.alloc(event.length + 16);
  record.writeBigUInt64LE(BigInt(event.length), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(event, 12);
  record.writeUInt32LE(maskedCrc(event), event.length + 12);
  await file.write(record);
}

const castagnoli = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  return rest;
});

/**
 * Computes CRC-32C with the rotation and offset of the TFRecord format, which are needed because data may itself
 * contain checksums.
 */
function maskedCrc(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = castagnoli[(crc ^ byte) & 255]! ^ (crc >>> 8);
  crc ^= 0xffffffff;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
