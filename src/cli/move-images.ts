import type { Observable } from 'rxjs';
import type { Rxfer } from '../image/index.js';
import type { ImageProgressEvent } from '../progress/index.js';
import type { FailureNews } from './failure-news.js';
import type { MoveOptions } from './options.js';
import { runSession, runWithoutStore, type SessionOptions } from './session.js';
import { loadDisplay, showProgress } from './show-progress.js';
import { withTimeline } from './timeline-file.js';
import { tuneForWork } from './v8-flags.js';

/** What {@link moveImages} works with. */
export interface MoveImagesOptions extends MoveOptions, Required<Pick<SessionOptions, 'hosts'>> {
  /** The store isn't opened, nor made, where it is `untouched`. Default: it is open. */
  readonly storeUse?: 'untouched' | undefined;
  /** Where images go, if not into the store. */
  readonly pushedTo?: string | undefined;
}

/** Runs what moves images in a session, shows how far it is, and notes what happens when. */
export async function moveImages<E extends ImageProgressEvent>(
  options: MoveImagesOptions,
  move: (rxfer: Rxfer) => Observable<E | FailureNews>,
): Promise<E> {
  // No registry answers where none is named.
  if (options.hosts.length === 0) tuneForWork();
  const display = await loadDisplay(options);
  const run = (command: (rxfer: Rxfer) => Observable<E>): Promise<E> =>
    options.storeUse === 'untouched'
      ? runWithoutStore(options, command)
      : runSession(options, ({ rxfer }) => command(rxfer));
  return withTimeline(options.timeline, (note) =>
    run((rxfer) => move(rxfer).pipe(note, showProgress<E>(display, options.pushedTo))),
  );
}
