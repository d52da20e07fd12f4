/** How progress is shown on stderr. */
export const progressModes = ['auto', 'tty', 'plain', 'json', 'docker', 'none'] as const;

/** One of {@link progressModes}. */
export type ProgressMode = (typeof progressModes)[number];

/** How far things are is shown by these. */
export interface ProgressOptions {
  readonly progress: ProgressMode;
  /** Whether the terminal may be given colours, unless `NO_COLOR` says otherwise. */
  readonly color: boolean;
}

/** What the name of a timeline's file ends in, and what form it then has. */
export const timelineEndings = ['.html', '.svg', '.json'] as const;

/** One of {@link timelineEndings}. */
export type TimelineEnding = (typeof timelineEndings)[number];
