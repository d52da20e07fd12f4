import {
  connect,
  defer,
  filter,
  finalize,
  ignoreElements,
  map,
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
  type RenderOptions,
} from '../progress/index.js';
import { failureLine, isFailure, type FailureNews } from './failure-news.js';
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

/**
 * Passes events on, and shows on stderr how far they are; of a push, also where it goes. Failures
 * are shown alone.
 */
export function showProgress<E extends ImageProgressEvent>(
  display: Display,
  pushedTo?: string,
): OperatorFunction<E | FailureNews, E> {
  return connect((news$) => {
    const events$ = news$.pipe(filter((event): event is E => !isFailure(event)));
    const shown$ = shown(display, events$, news$.pipe(filter(isFailure)), pushedTo);
    return merge(shown$.pipe(ignoreElements()), events$);
  });
}

function shown(
  display: Display,
  events$: Observable<ImageProgressEvent>,
  failures$: Observable<FailureNews>,
  pushedTo: string | undefined,
): Observable<unknown> {
  const { mode } = display;
  if (mode === 'tty') return onTerminal(display, events$, failures$);
  if (mode === 'none') return events$;
  const failed$ = failures$.pipe(map((failure) => failureLine(failure, mode)));
  return merge(events$.pipe(linesOf(mode, pushedTo)), failed$).pipe(tap(writeLine));
}

function linesOf(
  mode: 'plain' | 'json' | 'docker',
  pushedTo: string | undefined,
): OperatorFunction<ImageProgressEvent, string> {
  switch (mode) {
    case 'plain':
      return plainLines();
    case 'json':
      return toJsonLines();
    case 'docker':
      return toDockerProgress(pushedTo === undefined ? {} : { pushedTo });
  }
}

/** One that can be drawn on; a log of a build on the way of a pseudo-terminal can't. */
function isTerminal(): boolean {
  const { CI, TERM } = process.env;
  return process.stderr.isTTY && TERM !== 'dumb' && (CI ?? '') === '';
}

function onTerminal(
  { Screen, color }: Extract<Display, { mode: 'tty' }>,
  events$: Observable<ImageProgressEvent>,
  failures$: Observable<FailureNews>,
): Observable<unknown> {
  return defer(() => {
    const screen = new Screen(process.stderr, color);
    return merge(
      snapshots(events$).pipe(tap((snapshot) => screen.draw(snapshot))),
      failures$.pipe(tap((failure) => screen.tellFailure(failureLine(failure, 'tty')))),
    ).pipe(finalize(() => screen.close()));
  });
}

function writeLine(line: string): void {
  process.stderr.write(`${line}\n`);
}
