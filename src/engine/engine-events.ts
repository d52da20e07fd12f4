import {
  concat,
  defer,
  filter,
  from,
  map,
  NEVER,
  Subject,
  takeUntil,
  timer,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import { fits, matchesPattern, type Filters } from './filters.js';

/** What happened to an image (Engine API, EventMessage). */
export interface EngineEvent {
  readonly action: 'pull' | 'push' | 'tag' | 'untag' | 'delete' | 'load' | 'save';
  /** The image's id or name, whichever Docker tells of that action. */
  readonly id: string;
  /** The name, as people write it. */
  readonly name: string;
  /** In ms since 1970. */
  readonly time: number;
}

/** From when to when, in ms since 1970. */
export interface EventPeriod {
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** As many as Docker keeps. */
const kept = 256;

/** In ms: what is further away, Node's timers take for now. No client stays that long. */
const longestTimer = 2 ** 31 - 1;

/** Tells those who watch what happens to images, and the latest of it to those who come later. */
export class EngineEvents {
  readonly #scheduler: SchedulerLike;
  readonly #events$ = new Subject<EngineEvent>();
  readonly #latest: EngineEvent[] = [];

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  tell(action: EngineEvent['action'], id: string, name: string): void {
    const event = { action, id, name, time: this.#scheduler.now() };
    if (this.#latest.push(event) > kept) this.#latest.shift();
    this.#events$.next(event);
  }

  /** Completes at the end of the period, if it has one, or when the engine closes. */
  watch({ since, until }: EventPeriod, filters: Filters): Observable<string> {
    return defer(() => {
      const former = since === undefined ? [] : this.#latest.filter(({ time }) => time >= since);
      const left = until === undefined ? undefined : Math.max(0, until - this.#scheduler.now());
      const isNear = left !== undefined && left <= longestTimer;
      const end$ = isNear ? timer(left, this.#scheduler) : NEVER;
      return concat(from(former), this.#events$.pipe(takeUntil(end$))).pipe(
        filter((event) => isWanted(event, filters) && event.time <= (until ?? Infinity)),
        map((event) => JSON.stringify(message(event))),
      );
    });
  }

  close(): void {
    this.#events$.complete();
  }
}

/** The filters that events know. */
export const eventFilters = ['type', 'event', 'image'];

function isWanted({ action, id, name }: EngineEvent, filters: Filters): boolean {
  return (
    fits(filters, 'type', (type) => type === 'image') &&
    fits(filters, 'event', (event) => event === action) &&
    fits(
      filters,
      'image',
      (image) => image === id || matchesPattern(name, image) || name.startsWith(`${image}:`),
    )
  );
}

function message({ action, id, name, time }: EngineEvent): object {
  return {
    status: action,
    id,
    Type: 'image',
    Action: action,
    Actor: { ID: id, Attributes: { name } },
    scope: 'local',
    time: Math.floor(time / 1000),
    timeNano: time * 1e6,
  };
}
