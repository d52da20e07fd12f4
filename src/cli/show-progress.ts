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
import type { ProgressOptions } from './progress-options.js';
import { Screen } from './screen.js';

/** Passes events on, and shows on stderr how far they are; of a push, also where it goes. */
export function showProgress<E extends ImageProgressEvent>(
  options: ProgressOptions,
  pushedTo?: string,
): (events$: Observable<E>) => Observable<E> {
  return connect((events$) =>
    merge(events$.pipe(shown(options, pushedTo), ignoreElements()), events$),
  );
}

function shown(
  { progress, color }: ProgressOptions,
  pushedTo: string | undefined,
): OperatorFunction<ImageProgressEvent, unknown> {
  switch (progress) {
    case 'auto':
      return shown({ progress: isTerminal() ? 'tty' : 'plain', color }, pushedTo);
    case 'tty':
      return onTerminal(color && (process.env['NO_COLOR'] ?? '') === '' ? 'ansi' : 'none');
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

function onTerminal(
  color: RenderOptions['color'],
): OperatorFunction<ImageProgressEvent, ProgressSnapshot> {
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
