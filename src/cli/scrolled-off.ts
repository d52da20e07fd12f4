/** Lines that a lower terminal pushed off its top, by their length, the lowest last. */
export type ScrolledOff = readonly number[];

/** Rows that a line takes where terminals break lines anew. */
export function rowsOf(length: number, columns: number): number {
  return Math.max(1, Math.ceil(length / columns));
}

/** With what a terminal of so many rows had no room for, of lines with the cursor below them. */
export function pushedOff(
  before: ScrolledOff,
  lengths: readonly number[],
  { columns, rows }: { readonly columns: number; readonly rows: number },
): ScrolledOff {
  const all = lengths.reduce((sum, length) => sum + rowsOf(length, columns), 1);
  const pushed: number[] = [];
  let left = all - rows;
  for (const length of lengths) {
    if (left <= 0) break;
    const taken = rowsOf(length, columns);
    pushed.push(taken <= left ? length : left * columns);
    left -= taken;
  }
  return [...before, ...pushed];
}

/**
 * What a terminal with so many more rows shows again of it, in rows, right above what is drawn, and
 * what is still off. One that shows nothing again has what is drawn at its top, with nothing above.
 */
export function shownAgain(
  off: ScrolledOff,
  columns: number,
  more: number,
): { readonly rows: number; readonly off: ScrolledOff } {
  let rows = 0;
  const left = [...off];
  while (rows < more) {
    const length = left.pop();
    if (length === undefined) break;
    const taken = rowsOf(length, columns);
    if (rows + taken > more) left.push((rows + taken - more) * columns);
    rows = Math.min(more, rows + taken);
  }
  return { rows, off: left };
}
