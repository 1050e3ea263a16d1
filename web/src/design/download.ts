/** Downloads data as a file. */
export function download(name: string, data: Blob): void {
  const url = URL.createObjectURL(data);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // By the end of this delay, the browser has opened the data.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Converts a title to a file name: `held-out-accuracy.svg`. */
export function fileName(title: string, ending: string): string {
  const words = title.toLowerCase().match(/[a-z0-9]+/gu) ?? ['chart'];
  return `${words.join('-')}.${ending}`;
}
