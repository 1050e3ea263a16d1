/** Yields the lines of a body as they arrive; the last line may lack its line break. */
export async function* readLines(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncIterable<string> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    const lines = `${rest}${value ?? ''}`.split('\n');
    rest = lines.pop()!;
    yield* lines.filter((line) => line !== '');
    if (done) break;
  }
  if (rest !== '') yield rest;
}
