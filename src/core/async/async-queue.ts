/** A queue with one reader, for values that arrive by callback. Pushed values wait until they are read. */
export interface Arrivals<Value> extends AsyncIterable<Value> {
  push(value: Value): void;
  /** Ends the iteration once everything pushed has been read. */
  end(): void;
  /** Ends the queue like `end`, but then throws the error to the reader. */
  fail(error: unknown): void;
  /** Yields the values in the queue without waiting for more. Throws the error of `fail` once the queue is empty. */
  ready(): Iterable<Value>;
}

/** Creates an open queue without a size limit. */
export function createArrivals<Value>(): Arrivals<Value> {
  let waiting: Value[] = [];
  let end: { readonly error?: unknown } | null = null;
  let wake = Promise.withResolvers<void>();

  function* ready(): Generator<Value> {
    const values = waiting;
    waiting = [];
    yield* values;
    if (waiting.length === 0 && end !== null && 'error' in end) throw end.error;
  }

  async function* read(): AsyncGenerator<Value> {
    for (;;) {
      await wake.promise;
      wake = Promise.withResolvers<void>();
      yield* ready();
      if (end !== null && waiting.length === 0) return;
      if (end !== null || waiting.length > 0) wake.resolve();
    }
  }

  const finish = (how: { readonly error?: unknown }): void => {
    end ??= how;
    wake.resolve();
  };
  return {
    push: (value) => {
      waiting.push(value);
      wake.resolve();
    },
    end: () => finish({}),
    fail: (error) => finish({ error }),
    ready,
    [Symbol.asyncIterator]: read,
  };
}
