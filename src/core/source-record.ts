/** What a file held when it was read: enough to notice another content under the same name. */
export interface FileRecord {
  /** The path as given, or an address at its commit. */
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What a source of problems was when it was read: enough to read the same again, and to notice where that is not to be had. */
export interface SourceRecord {
  /** The path or address as the recipe has it. */
  readonly source: string;
  /** The commit that a hub address was. */
  readonly commit?: string;
  readonly problems: number;
  /** Rows that were left out because they are no problems. */
  readonly skipped?: number;
  readonly files: readonly FileRecord[];
}

/** All files that went into a run. */
export interface DataRecord {
  /** The policy's model and its commit, where it is from a hub. */
  readonly model?: { readonly source: string; readonly commit: string };
  /** Of what is trained on. */
  readonly problems: readonly SourceRecord[];
  /** Of what it is evaluated on, by suite. */
  readonly suites: Readonly<Record<string, readonly SourceRecord[]>>;
}
