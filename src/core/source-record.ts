/** Identity of a file when it was read: enough to detect that its content changed. */
export interface FileRecord {
  /** The path as given, or a hub address with its commit. */
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Identity of a source of problems when it was read: enough to read the same data again, or to detect that it changed. */
export interface SourceRecord {
  /** Path or address in the recipe. */
  readonly source: string;
  /** Commit that a hub address resolved to. */
  readonly commit?: string;
  readonly problems: number;
  /** Rows that were skipped because they are not problems. */
  readonly skipped?: number;
  readonly files: readonly FileRecord[];
}

/** Identifies all data and models that a run read. */
export interface DataRecord {
  /** The policy's model and its commit; absent unless it is from a hub. */
  readonly model?: { readonly source: string; readonly commit: string };
  /** The teacher's model and its commit; absent unless it is from a hub. */
  readonly teacher?: { readonly source: string; readonly commit: string };
  /** Sources of the training problems. */
  readonly problems: readonly SourceRecord[];
  /** Sources of the evaluation problems, by suite. */
  readonly suites: Readonly<Record<string, readonly SourceRecord[]>>;
  /** Files of examples to imitate; absent for a run without such files. */
  readonly examples?: readonly FileRecord[];
}
