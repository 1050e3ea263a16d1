/** Values that arrive by callback, read as an async iterable by one reader. */
export interface CompletionStream<Value> extends AsyncIterable<Value> {
  push(values: readonly Value[]): void;
  /** Ends the stream once what was pushed has been read. */
  end(): void;
  /** Like `end`, then throws at the reader. */
  fail(error: unknown): void;
}

/** An open stream without a limit: what is pushed waits until it is read. */
export function createCompletionStream<Value>(): CompletionStream<Value> {
  let waiting: Value[] = [];
  let end: { readonly error?: unknown } | null = null;
  let wake = Promise.withResolvers<void>();

  async function* read(): AsyncGenerator<Value> {
    for (;;) {
      await wake.promise;
      wake = Promise.withResolvers<void>();
      const ready = waiting;
      waiting = [];
      yield* ready;
      if (end === null || waiting.length > 0) continue;
      if ('error' in end) throw end.error;
      return;
    }
  }

  const finish = (how: { readonly error?: unknown }): void => {
    end ??= how;
    wake.resolve();
  };
  return {
    push: (values) => {
      for (const value of values) waiting.push(value);
      wake.resolve();
    },
    end: () => finish({}),
    fail: (error) => finish({ error }),
    [Symbol.asyncIterator]: read,
  };
}
