/** Downloads data as a file. */
export function download(name: string, data: Blob): void {
  const url = URL.createObjectURL(data);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has opened the data after this delay.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Converts a title to the name of a file: `held-out-accuracy.svg`. */
export function fileName(title: string, ending: string): string {
  const words = title.toLowerCase().match(/[a-z0-9]+/gu) ?? ['chart'];
  return `${words.join('-')}.${ending}`;
}
