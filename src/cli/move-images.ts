import type { Observable } from 'rxjs';
import type { ImageProgressEvent } from '../progress/index.js';
import type { FailureNews } from './failure-news.js';
import type { MoveOptions } from './options.js';
import { runSession, type Session, type SessionOptions } from './session.js';
import { loadDisplay, showProgress } from './show-progress.js';
import { withTimeline } from './timeline-file.js';

/** Runs what moves images in a session, shows how far it is, and notes what happens when. */
export async function moveImages<E extends ImageProgressEvent>(
  options: MoveOptions & Required<Pick<SessionOptions, 'hosts'>>,
  move: (session: Session) => Observable<E | FailureNews>,
  pushedTo?: string,
): Promise<E> {
  const display = await loadDisplay(options);
  return withTimeline(options.timeline, (note) =>
    runSession(options, (session) => move(session).pipe(note, showProgress<E>(display, pushedTo))),
  );
}
