import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';

/** Lines at the bottom of a terminal that are drawn again in place. */
export interface Footer {
  /** Shows these lines in place of the ones before; each is one line of the terminal, whatever its length. */
  draw(lines: readonly string[]): void;
  /** Takes the lines away, so that something can be written where they stood. */
  clear(): void;
}

const escape = '\u001b[';
const [holdFrame, showFrame] = [`${escape}?2026h`, `${escape}?2026l`];
const [cutLongLines, wrapLongLines] = [`${escape}?7l`, `${escape}?7h`];

/** A footer on a terminal. A change is written in one piece, so that nothing flickers. */
export function createFooter(terminal: WriteStream): Footer {
  /** How many columns each line took. */
  let widths: readonly number[] = [];
  /** From the end of the last line to the start of the first: a terminal that became narrower has wrapped them since. */
  const erase = (): string => {
    const rows = widths.map((width) => Math.max(1, Math.ceil(width / terminal.columns)));
    const above = rows.reduce((sum, count) => sum + count, 0) - 1;
    return above < 0 ? '' : `\r${above > 0 ? `${escape}${above}A` : ''}${escape}J`;
  };
  return {
    draw(lines) {
      const text = lines.join('\n');
      terminal.write(`${holdFrame}${erase()}${cutLongLines}${text}${wrapLongLines}${showFrame}`);
      widths = lines.map((line) => Math.min(stripVTControlCharacters(line).length, terminal.columns));
    },
    clear() {
      if (widths.length > 0) terminal.write(erase());
      widths = [];
    },
  };
}
