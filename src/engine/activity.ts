import {
  BehaviorSubject,
  concat,
  defer,
  filter,
  from,
  mergeMap,
  Subject,
  takeUntil,
  tap,
  throwError,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import {
  emptySnapshot,
  emptyTimeline,
  plainEvent,
  reduceProgress,
  reduceTimeline,
  type ImageProgressEvent,
} from '../progress/index.js';
import { errorFields, type LogFields, type Logger } from '../transfer/index.js';
import { CancelledError } from './errors.js';
import type { ActivityNews, EndedNews, OperationKind, OperationNews } from './news.js';

/** Why something, or with no id everything, is to end. */
interface Stop {
  readonly id?: string;
  readonly why: string;
}

/** An operation as it is told to those who come later. */
interface Operation {
  news: OperationNews;
  ended?: EndedNews;
}

/** Operations that are over and still shown. */
const keptEnded = 30;

/** What moves images here: seen by all who watch, and stopped by others than those who began it. */
export class Activity {
  readonly #scheduler: SchedulerLike;
  readonly #logger: Logger;
  readonly #stops$ = new Subject<Stop>();
  readonly #news$ = new Subject<ActivityNews>();
  readonly #readers$ = new BehaviorSubject(0);
  readonly #operations = new Map<string, Operation>();
  #count = 0;

  constructor(scheduler: SchedulerLike, logger: Logger) {
    this.#scheduler = scheduler;
    this.#logger = logger;
  }

  /** The operations that there are, then all news of them. Completes when everything is ended. */
  readonly news$: Observable<ActivityNews> = defer(() => {
    const known = [...this.#operations.values()].flatMap(({ news, ended }) =>
      ended === undefined ? [news] : [news, ended],
    );
    return concat(from(known), this.#news$).pipe(
      tap({
        subscribe: () => this.#readers$.next(this.#readers$.value + 1),
        finalize: () => this.#readers$.next(this.#readers$.value - 1),
      }),
    );
  });

  /** How many watch {@link news$}, now and after each change. Never completes. */
  readonly readers$: Observable<number> = defer(() => this.#readers$);

  /**
   * The same events; errors with a CancelledError when it is stopped. Each subscription is an
   * operation of its own, and is over when it is unsubscribed.
   */
  track<E extends ImageProgressEvent>(
    what: OperationKind,
    reference: string,
    events$: Observable<E>,
  ): Observable<E> {
    return defer(() => {
      const id = String(++this.#count);
      this.#begin(id, what, reference);
      const stoppable$ = events$.pipe(takeUntil(this.#stopped(id)));
      return stoppable$.pipe(
        tap({
          next: (event) => this.#hear(id, plainEvent(event)),
          error: (error: unknown) => this.#fail(id, error),
          complete: () => this.#end(id, 'done'),
          unsubscribe: () => this.#leave(id, 'Whoever had asked for it hung up'),
        }),
      );
    });
  }

  /** The same values; errors with a CancelledError when everything is ended. Shown to nobody. */
  untilEnded<T>(values$: Observable<T>): Observable<T> {
    return values$.pipe(takeUntil(this.#stopped(undefined)));
  }

  /** Tells whether there was such an operation under way. */
  cancel(id: string): boolean {
    const operation = this.#operations.get(id);
    if (operation === undefined || operation.ended !== undefined) return false;
    this.#stops$.next({ id, why: 'It was cancelled in the dashboard' });
    return true;
  }

  /** Ends everything that is under way, and what is told of it. */
  endAll(why: string): void {
    this.#stops$.next({ why });
    this.#news$.complete();
  }

  #stopped(id: string | undefined): Observable<never> {
    return this.#stops$.pipe(
      filter((stop) => stop.id === undefined || stop.id === id),
      mergeMap(({ why }) => throwError(() => new CancelledError(why))),
    );
  }

  #begin(id: string, what: OperationKind, reference: string): void {
    const began = this.#scheduler.now();
    const known = { timeline: emptyTimeline, snapshot: emptySnapshot };
    const news: OperationNews = { kind: 'operation', id, what, reference, began, ...known };
    this.#operations.set(id, { news });
    this.#logger.info({ operation: id, what, reference }, 'operation began');
    this.#news$.next(news);
  }

  #hear(id: string, event: ImageProgressEvent): void {
    const operation = this.#operations.get(id);
    if (operation === undefined) return;
    const { news } = operation;
    const at = this.#scheduler.now();
    const timeline = reduceTimeline(news.timeline, { value: event, timestamp: at });
    operation.news = { ...news, timeline, snapshot: reduceProgress(news.snapshot, event) };
    this.#news$.next({ kind: event.kind === 'progress' ? 'progress' : 'event', id, at, event });
  }

  #fail(id: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof CancelledError) this.#leave(id, message);
    else this.#end(id, 'failed', message, errorFields(error));
  }

  #leave(id: string, reason: string): void {
    this.#end(id, 'cancelled', reason, { reason });
  }

  #end(id: string, outcome: EndedNews['outcome'], message?: string, reason: LogFields = {}): void {
    const operation = this.#operations.get(id);
    if (operation === undefined) return;
    const at = this.#scheduler.now();
    const told = message === undefined ? {} : { message };
    operation.ended = { kind: 'ended', id, at, outcome, ...told };
    const over = [...this.#operations].filter(([, { ended }]) => ended !== undefined);
    for (const [oldest] of over.slice(0, -keptEnded)) this.#operations.delete(oldest);
    this.#log(operation.news, outcome, { ms: at - operation.news.began, ...reason });
    this.#news$.next(operation.ended);
  }

  #log({ id, what, reference }: OperationNews, outcome: string, how: LogFields): void {
    const level = outcome === 'failed' ? 'warn' : 'info';
    const facts = { operation: id, what, reference, outcome, ...how };
    this.#logger[level](facts, 'operation ended');
  }
}
