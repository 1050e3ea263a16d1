import { dirname, sep } from 'node:path';

/**
 * Finds the line at which a Python process hit its time limit, from the stack traces on its stderr: the innermost frame
 * in the user's folder, else the innermost frame. Returns `undefined` if the process ended for a different reason.
 *
 * @param program file of the process's main program: only stacks that contain it count.
 * @param file a file in the user's folder.
 */
export function placeWhenTimeWasUp(tail: string, program: string, file: string): string | undefined {
  if (!tail.includes('Timeout (')) return undefined;
  const thread = tail.split(/^.*[Tt]hread 0x.*$/m).find((stack) => stack.includes(program));
  const frames = [...(thread ?? '').matchAll(/File "(.+)", line (\d+) in (.+)/g)];
  const frame = frames.find(([, path]) => path!.startsWith(folderOf(file))) ?? frames[0];
  return frame === undefined ? undefined : shortPlace(`${frame[1]}:${frame[2]} in ${frame[3]}`, file);
}

/** Makes a source location in the user's folder relative to that folder; returns other locations unchanged. */
export const shortPlace = (place: string, file: string): string =>
  place.startsWith(folderOf(file)) ? place.slice(folderOf(file).length) : place;

const folderOf = (file: string): string => dirname(file) + sep;

/** Returns the last line of the output; empty if there is no output. */
export const lastLine = (tail: string): string => tail.trim().split('\n').at(-1)!;
