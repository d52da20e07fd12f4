import { access, constants, writeFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { tap, type Observable } from 'rxjs';
import {
  emptyTimeline,
  reduceTimeline,
  stopTimeline,
  toTimelineHtml,
  toTimelineSvg,
  toTraceEvents,
  type ImageProgressEvent,
  type StopNews,
  type Timeline,
} from '../progress/index.js';
import { RxferError } from '../transfer/index.js';
import { isFailure, type FailureNews } from './failure-news.js';
import { messageOf } from './message-of.js';
import { timelineEndings, type TimelineEnding } from './progress-options.js';

/** What writes a timeline, by the ending of the file's name. */
const writers: Readonly<Record<TimelineEnding, (timeline: Timeline) => string>> = {
  '.html': toTimelineHtml,
  '.svg': toTimelineSvg,
  '.json': toTraceEvents,
};

/** A timeline whose file can't be written. */
export class TimelineFileError extends RxferError {
  override readonly name = 'TimelineFileError';

  constructor(file: string, cause: unknown, hint = 'Nothing was moved; choose another file.') {
    super('ERR_TIMELINE_FILE', `The timeline can't be written to ${file}: ${messageOf(cause)}`, {
      cause,
      hint,
    });
  }
}

/**
 * Notes when what happens, and writes it down in the end, whatever the end is.
 *
 * @throws TimelineFileError, before anything has begun where the folder can't be written into.
 */
export async function withTimeline<T>(
  file: string | undefined,
  run: (note: <E extends TimelineNews>(events$: Observable<E>) => Observable<E>) => Promise<T>,
): Promise<T> {
  if (file === undefined) return run((events$) => events$);
  await access(dirname(resolve(file)), constants.W_OK).catch((error: unknown) => {
    throw new TimelineFileError(file, error);
  });
  let timeline = emptyTimeline;
  const stop = (news: Omit<StopNews, 'timestamp'>): void => {
    timeline = stopTimeline(timeline, { ...news, timestamp: Date.now() });
  };
  const hear = (event: TimelineNews): void => {
    if (isFailure(event)) stop({ reference: event.reference, ...failureOf(event.error) });
    else timeline = reduceTimeline(timeline, { value: event, timestamp: Date.now() });
  };
  const note$ = <E extends TimelineNews>(events$: Observable<E>): Observable<E> =>
    events$.pipe(
      tap<E>({
        next: hear,
        error: (error: unknown) => {
          // Failures that were told of are told once more in the end.
          if (timeline.stops === undefined) stop(failureOf(error));
        },
        unsubscribe: () => stop({ outcome: 'cancelled' }),
      }),
    );
  let result: T;
  try {
    result = await run(note$);
  } catch (error) {
    const notWritten = await write(file, timeline);
    if (notWritten === undefined) throw error;
    throw new AggregateError([error, notWritten], messageOf(error), { cause: error });
  }
  const notWritten = await write(file, timeline);
  if (notWritten !== undefined) throw notWritten;
  return result;
}

/** What a timeline is made of here. */
type TimelineNews = ImageProgressEvent | FailureNews;

function failureOf(error: unknown): Omit<StopNews, 'timestamp'> {
  const { digest } = error instanceof RxferError ? error : {};
  const fault = digest === undefined ? {} : { digest };
  return { outcome: 'failed', message: messageOf(error), ...fault };
}

/** Resolves with what went wrong. */
async function write(file: string, timeline: Timeline): Promise<TimelineFileError | undefined> {
  const ending = timelineEndings.find((each) => each === extname(file)) ?? '.html';
  try {
    await writeFile(file, writers[ending](timeline));
    return undefined;
  } catch (error) {
    const hint = 'What was to be moved has been dealt with; choose another file the next time.';
    return new TimelineFileError(file, error, hint);
  }
}
