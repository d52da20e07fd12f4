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

/** What writes a timeline, by the ending of the file's name. */
const writers: Readonly<Record<string, (timeline: Timeline) => string>> = {
  '.html': toTimelineHtml,
  '.svg': toTimelineSvg,
  '.json': toTraceEvents,
};

/** The endings that a timeline's file can have. */
export const timelineEndings = Object.keys(writers);

/** A timeline whose file can't be written. */
export class TimelineFileError extends RxferError {
  override readonly name = 'TimelineFileError';

  constructor(file: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super('ERR_TIMELINE_FILE', `The timeline can't be written to ${file}: ${reason}`, {
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
  const text = writers[extname(file)]?.(timeline);
  if (text === undefined) throw new TimelineFileError(file, 'its ending says no form');
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new TimelineFileError(file, error);
  }
}
