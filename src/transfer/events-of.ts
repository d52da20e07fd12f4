import { map, type Observable, type Subscription } from 'rxjs';
import type { ExitOptions } from './result-of.js';
import { untilAborted } from './until-aborted.js';

/** How {@link eventsOf} iterates. */
export interface EventsOfOptions<E> extends ExitOptions {
  /** What progress is of, such as a layer's id: the latest of each is kept. Default: all one. */
  readonly by?: (event: E) => unknown;
}

/**
 * The way out of Observables to `for await`: subscribes at the first step and unsubscribes when the
 * loop is left. Use it where events are handled one by one by something slow.
 *
 * ```
 * source:     --p-a-q-r-(s|)              p, a, q: progress   r, s: results
 * loop:       --p----q----r----s----|     takes 5 a step: a has given way to q when it is next
 * ```
 *
 * Back-pressure: while the loop is busy, a progress waits only until a later one (of the same
 * `by`) takes its place. Nothing else is dropped, and nothing overtakes: the last progress ahead of
 * any other event or of the end is always delivered.
 *
 * Ends when the source completes; throws the source's error, what `by` throws, or the signal's reason when that is
 * aborted, once what was kept has been delivered.
 *
 * @example
 * for await (const event of eventsOf(manager.transfer('a', job), { signal })) await report(event);
 */
export function eventsOf<E extends { readonly kind: string }>(
  source$: Observable<E>,
  options: EventsOfOptions<E> = {},
): AsyncIterableIterator<E, undefined> {
  return new EventIterator(source$, options);
}

interface End {
  readonly failed: boolean;
  readonly error?: unknown;
}

/** An event that waits for its step, with what it is told apart by. */
interface Kept<E> {
  readonly event: E;
  readonly id: unknown;
}

type Step<E> = IteratorResult<E, undefined>;

class EventIterator<E extends { readonly kind: string }> implements AsyncIterableIterator<
  E,
  undefined
> {
  readonly #source$: Observable<Kept<E>>;
  readonly #kept: Kept<E>[] = [];
  /** Steps that were asked for ahead of events. */
  readonly #asking: { resolve: (step: Step<E>) => void; reject: (error: unknown) => void }[] = [];
  #subscription: Subscription | undefined;
  #end: End | undefined;

  constructor(source$: Observable<E>, { signal, by = () => undefined }: EventsOfOptions<E>) {
    this.#source$ = source$.pipe(
      untilAborted(signal),
      map((event) => ({ event, id: event.kind === 'progress' ? by(event) : undefined })),
    );
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step<E>> {
    return new Promise((resolve, reject) => {
      this.#asking.push({ resolve, reject });
      if (this.#end === undefined) this.#subscription ??= this.#subscribe();
      this.#answer();
    });
  }

  /** Unsubscribes at once; steps asked for end. */
  return(): Promise<Step<E>> {
    this.#subscription?.unsubscribe();
    this.#kept.length = 0;
    this.#end = { failed: false };
    this.#answer();
    return Promise.resolve({ done: true, value: undefined });
  }

  #subscribe(): Subscription {
    return this.#source$.subscribe({
      next: (heard) => {
        this.#keep(heard);
        this.#answer();
      },
      error: (error: unknown) => this.#finish({ error, failed: true }),
      complete: () => this.#finish({ failed: false }),
    });
  }

  /** A progress takes the place of the one that nothing else stands behind. */
  #keep(heard: Kept<E>): void {
    if (heard.event.kind === 'progress') {
      const last = this.#kept.findLastIndex(
        ({ event, id }) => event.kind !== 'progress' || id === heard.id,
      );
      if (this.#kept[last]?.event.kind === 'progress') this.#kept.splice(last, 1);
    }
    this.#kept.push(heard);
  }

  #finish(end: End): void {
    this.#end = end;
    this.#answer();
  }

  #answer(): void {
    while (this.#kept.length > 0 || this.#end !== undefined) {
      const asked = this.#asking.shift();
      if (asked === undefined) return;
      const next = this.#kept.shift();
      if (next !== undefined) asked.resolve({ done: false, value: next.event });
      else if (this.#end?.failed !== true) asked.resolve({ done: true, value: undefined });
      else {
        asked.reject(this.#end.error);
        this.#end = { failed: false };
      }
    }
  }
}
