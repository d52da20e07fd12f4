import {
  connect,
  defer,
  finalize,
  ignoreElements,
  merge,
  tap,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import {
  plainLines,
  snapshots,
  toDockerProgress,
  toJsonLines,
  type ImageProgressEvent,
  type ProgressSnapshot,
  type RenderOptions,
} from '../progress/index.js';
import type { LogOptions } from './log-options.js';
import type { ProgressMode, ProgressOptions } from './progress-options.js';
import type { Screen } from './screen.js';
import { UsageError } from './usage-error.js';

/** Where and how progress is shown. */
export type Display =
  | { readonly mode: Exclude<ProgressMode, 'auto' | 'tty'> }
  | {
      readonly mode: 'tty';
      readonly Screen: typeof Screen;
      readonly color: RenderOptions['color'];
    };

/** Finds out how progress is to be shown, and loads what draws it if need be. */
export async function loadDisplay({
  progress,
  color,
  logLevel,
}: ProgressOptions & Pick<LogOptions, 'logLevel'>): Promise<Display> {
  // What is drawn would be torn by the lines of a log.
  if (progress === 'tty' && logLevel !== 'silent') {
    const hint = 'Show it otherwise, such as by --progress plain.';
    throw new UsageError('--progress tty and --log-level write over each other', hint);
  }
  const isDrawn = isTerminal() && logLevel === 'silent';
  const mode = progress === 'auto' ? (isDrawn ? 'tty' : 'plain') : progress;
  if (mode !== 'tty') return { mode };
  const isColored = color && (process.env['NO_COLOR'] ?? '') === '';
  const { Screen } = await import('./screen.js');
  return { mode, Screen, color: isColored ? 'ansi' : 'none' };
}

/** Passes events on, and shows on stderr how far they are; of a push, also where it goes. */
export function showProgress<E extends ImageProgressEvent>(
  display: Display,
  pushedTo?: string,
): (events$: Observable<E>) => Observable<E> {
  return connect((events$) =>
    merge(events$.pipe(shown(display, pushedTo), ignoreElements()), events$),
  );
}

function shown(
  display: Display,
  pushedTo: string | undefined,
): OperatorFunction<ImageProgressEvent, unknown> {
  switch (display.mode) {
    case 'tty':
      return onTerminal(display);
    case 'plain':
      return (events$) => events$.pipe(plainLines(), tap(writeLine));
    case 'json':
      return (events$) => events$.pipe(toJsonLines(), tap(writeLine));
    case 'docker':
      return (events$) =>
        events$.pipe(toDockerProgress(pushedTo === undefined ? {} : { pushedTo }), tap(writeLine));
    case 'none':
      return ignoreElements();
  }
}

/** One that can be drawn on; a log of a build on the way of a pseudo-terminal can't. */
function isTerminal(): boolean {
  const { CI, TERM } = process.env;
  return process.stderr.isTTY && TERM !== 'dumb' && (CI ?? '') === '';
}

function onTerminal({
  Screen,
  color,
}: Extract<Display, { mode: 'tty' }>): OperatorFunction<ImageProgressEvent, ProgressSnapshot> {
  return (events$) =>
    defer(() => {
      const screen = new Screen(process.stderr, color);
      return snapshots(events$).pipe(
        tap((snapshot) => screen.draw(snapshot)),
        finalize(() => screen.close()),
      );
    });
}

function writeLine(line: string): void {
  process.stderr.write(`${line}\n`);
}
