import { DatabaseSync } from 'node:sqlite';
import type { Rollout } from '../../core/rollout.ts';
import type { Transcript } from '../../core/transcript.ts';
import { jsonText } from '../../storage/json-text.ts';
import { closeInOneFile, inTransaction } from '../../storage/sqlite.ts';

/** Stores judged attempts of stages that harvest, so that a resumed run repeats no attempt. */
export interface AttemptStore extends Disposable {
  /** Returns the recorded attempts of a stage by problem id, in the order of their indices. */
  read(stage: number): ReadonlyMap<string, readonly Rollout[]>;
  /** Records attempts in one transaction; keeps the first record of an attempt. */
  write(stage: number, rollouts: readonly Rollout[]): void;
}

/** Opens or creates the store of attempts at `path`. */
export function openAttemptStore(path: string): AttemptStore {
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 10000;
    CREATE TABLE IF NOT EXISTS attempts (
      stage INTEGER NOT NULL, problem TEXT NOT NULL, place INTEGER NOT NULL, rollout TEXT NOT NULL,
      PRIMARY KEY (stage, problem, place)
    ) STRICT, WITHOUT ROWID`);
  const find = database.prepare('SELECT rollout FROM attempts WHERE stage = ? ORDER BY problem, place');
  const add = database.prepare('INSERT OR IGNORE INTO attempts VALUES (?, ?, ?, ?)');
  return {
    read: (stage) => {
      const rollouts = find.all(stage).map((row) => rolloutIn(String(row['rollout'])));
      return Map.groupBy(rollouts, ({ problemId }) => problemId);
    },
    write: (stage, rollouts) => {
      inTransaction(database, () => {
        for (const one of rollouts) add.run(stage, one.problemId, one.index, textOf(one));
      });
    },
    [Symbol.dispose]: () => closeInOneFile(database),
  };
}

/** Names of a transcript's arrays, whose bytes are stored as base64. */
const arrays = ['tokens', 'logprobs', 'entropies'] as const;

function textOf(rollout: Rollout): string {
  const transcripts = rollout.transcripts.map((transcript) => ({
    ...transcript,
    ...Object.fromEntries(arrays.map((name) => [name, bytesOf(transcript[name])])),
  }));
  return jsonText({ ...rollout, transcripts }, `attempt ${rollout.index} at ${rollout.problemId}`);
}

const bytesOf = (array: Int32Array | Float32Array | undefined): string | undefined =>
  array && Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');

function rolloutIn(text: string): Rollout {
  const stored = JSON.parse(text) as Omit<Rollout, 'transcripts'> & { transcripts: StoredTranscript[] };
  return {
    ...stored,
    transcripts: stored.transcripts.map(({ tokens, logprobs, entropies, ...rest }) => ({
      ...rest,
      tokens: new Int32Array(bufferOf(tokens)),
      logprobs: new Float32Array(bufferOf(logprobs)),
      ...(entropies !== undefined && { entropies: new Float32Array(bufferOf(entropies)) }),
    })),
  };
}

type StoredTranscript = Omit<Transcript, (typeof arrays)[number]> & {
  readonly tokens: string;
  readonly logprobs: string;
  readonly entropies?: string;
};

/** Copies the bytes into a separate, aligned buffer, which typed arrays can view. */
function bufferOf(base64: string): ArrayBuffer {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
