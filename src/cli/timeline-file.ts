import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { tap, timestamp, map, type Observable } from 'rxjs';
import {
  emptyTimeline,
  reduceTimeline,
  toTimelineHtml,
  toTimelineSvg,
  toTraceEvents,
  type ImageProgressEvent,
  type Timeline,
} from '../progress/index.js';
import { RxferError } from '../transfer/index.js';
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

  constructor(file: string, cause: unknown) {
    super('ERR_TIMELINE_FILE', `The timeline can't be written to ${file}: ${messageOf(cause)}`, {
      cause,
      hint: 'What was to be moved has been dealt with; choose another file the next time.',
    });
  }
}

/** Notes when what happens, and writes it down in the end, whatever the end is. */
export async function withTimeline<T>(
  file: string | undefined,
  run: (
    note: <E extends ImageProgressEvent>(events$: Observable<E>) => Observable<E>,
  ) => Promise<T>,
): Promise<T> {
  if (file === undefined) return run((events$) => events$);
  let timeline = emptyTimeline;
  try {
    return await run((events$) =>
      events$.pipe(
        timestamp(),
        tap((stamped) => (timeline = reduceTimeline(timeline, stamped))),
        map(({ value }) => value),
      ),
    );
  } finally {
    await write(file, timeline);
  }
}

async function write(file: string, timeline: Timeline): Promise<void> {
  const ending = timelineEndings.find((each) => each === extname(file)) ?? '.html';
  try {
    await writeFile(file, writers[ending](timeline));
  } catch (error) {
    throw new TimelineFileError(file, error);
  }
}
