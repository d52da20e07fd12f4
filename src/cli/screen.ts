import { stripVTControlCharacters } from 'node:util';
import type { WriteStream } from 'node:tty';
import { createLogUpdate } from 'log-update';
import { pushedOff, rowsOf, shownAgain, type ScrolledOff } from './scrolled-off.js';
import { renderLines, type ProgressSnapshot, type RenderOptions } from '../progress/index.js';

const cursorUpAndErase = '\u001b[1A\u001b[2K';
const red = { on: '\u001b[31m', off: '\u001b[39m' };
/** Between a terminal's new size and the word of it, lines that are too long must not break. */
const wrapping = { off: '\u001b[?7l', on: '\u001b[?7h' };

/** A terminal on which the latest snapshot takes the place of the one before. */
export class Screen {
  readonly #terminal: WriteStream;
  readonly #color: RenderOptions['color'];
  readonly #update: ReturnType<typeof createLogUpdate>;
  readonly #onResize = (): void => this.#resize();
  #snapshot: ProgressSnapshot | undefined;
  #lines: readonly string[] = [];
  #rows: number;
  #off: ScrolledOff = [];

  constructor(terminal: WriteStream, color: RenderOptions['color']) {
    this.#terminal = terminal;
    this.#color = color;
    this.#update = createLogUpdate(terminal);
    this.#rows = this.#size().rows;
    terminal.on('resize', this.#onResize);
    terminal.write(wrapping.off);
  }

  draw(snapshot: ProgressSnapshot): void {
    this.#snapshot = snapshot;
    const { columns, rows } = this.#size();
    // The cursor stands on the last row; what erases the rest of a line takes its last column along.
    const room = { columns: columns - 1, rows: rows - 1 };
    this.#lines = renderLines(snapshot, { ...room, color: this.#color });
    this.#update(this.#lines.join('\n'));
  }

  /** A line that stays, above what goes on being drawn. */
  tellFailure(line: string): void {
    // What has scrolled off is above the line from now on.
    this.#off = [];
    this.#update.persist(this.#color === 'ansi' ? `${red.on}${line}${red.off}` : line);
    if (this.#snapshot !== undefined) this.draw(this.#snapshot);
  }

  /** Leaves what was drawn last, and gives the cursor back. */
  close(): void {
    this.#terminal.off('resize', this.#onResize);
    this.#update.done();
    this.#terminal.write(wrapping.on);
  }

  #resize(): void {
    const size = this.#size();
    const { columns, rows } = size;
    // Terminals break long lines anew, so that what was drawn may take more rows by now.
    const lengths = this.#lines.map((line) => stripVTControlCharacters(line).length);
    const more = lengths.reduce((sum, length) => sum + rowsOf(length, columns) - 1, 0);
    const off = pushedOff(this.#off, lengths, size);
    const again = shownAgain(off, columns, rows - this.#rows);
    this.#off = again.off;
    this.#rows = rows;
    this.#update.clear();
    this.#terminal.write(cursorUpAndErase.repeat(more + again.rows));
    if (this.#snapshot !== undefined) this.draw(this.#snapshot);
  }

  /** Of a terminal that doesn't know its size, or of what is none: the usual. */
  #size(): { columns: number; rows: number } {
    const { columns = 0, rows = 0 } = this.#terminal as Partial<WriteStream>;
    return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
  }
}
