import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';

/** Lines at the bottom of a terminal, redrawn in place. */
export interface Footer {
  /** Replaces the lines; a line longer than the terminal is truncated, not wrapped. */
  draw(lines: readonly string[]): void;
  /** Erases the lines, so that other output can take their place. */
  clear(): void;
}

const escape = '\u001b[';
const [holdFrame, showFrame] = [`${escape}?2026h`, `${escape}?2026l`];
const [cutLongLines, wrapLongLines] = [`${escape}?7l`, `${escape}?7h`];

/** Creates a footer on a terminal. Each redraw is one write, to avoid flicker. */
export function createFooter(terminal: WriteStream): Footer {
  /** Number of columns of each drawn line. */
  let widths: readonly number[] = [];
  /**
   * Moves from the end of the last line to the start of the first. Counts rows, because a terminal that became narrower
   * wraps lines.
   */
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
