import { createLogUpdate } from 'log-update';
import {
  connect,
  finalize,
  ignoreElements,
  merge,
  tap,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import {
  plainLines,
  renderLines,
  snapshots,
  toJsonLines,
  type ImageProgressEvent,
} from '../progress/index.js';

/** How progress is shown on stderr. */
export const progressModes = ['auto', 'tty', 'plain', 'json', 'none'] as const;

/** One of {@link progressModes}. */
export type ProgressMode = (typeof progressModes)[number];

/** Passes events on, and shows on stderr how far they are. */
export function showProgress<E extends ImageProgressEvent>(
  mode: ProgressMode,
): (events$: Observable<E>) => Observable<E> {
  return connect((events$) => merge(events$.pipe(shownAs(mode), ignoreElements()), events$));
}

function shownAs(mode: ProgressMode): OperatorFunction<ImageProgressEvent, unknown> {
  switch (mode) {
    case 'auto':
      return shownAs(process.stderr.isTTY && process.env['TERM'] !== 'dumb' ? 'tty' : 'plain');
    case 'tty':
      return onTerminal;
    case 'plain':
      return (events$) => events$.pipe(plainLines(), tap(writeLine));
    case 'json':
      return (events$) => events$.pipe(toJsonLines(), tap(writeLine));
    case 'none':
      return ignoreElements();
  }
}

function onTerminal(events$: Observable<ImageProgressEvent>): Observable<unknown> {
  const color = process.env['NO_COLOR'] === undefined ? 'ansi' : 'none';
  const draw = createLogUpdate(process.stderr);
  return snapshots(events$).pipe(
    tap((snapshot) => {
      // Asked each time: terminals are resized.
      const { columns, rows } = process.stderr;
      draw(renderLines(snapshot, { columns, rows: rows - 1, color }).join('\n'));
    }),
    finalize(() => draw.done()),
  );
}

function writeLine(line: string): void {
  process.stderr.write(`${line}\n`);
}
