import { throwError, type Observer, type Subscriber } from 'rxjs';
import { Link, Ring } from './ring.js';

/** Somebody who listens to a {@link Broadcast}. */
export class Listener<E> extends Link {
  constructor(readonly subscriber: Subscriber<E>) {
    super();
  }
}

/**
 * Tells all listeners what it is told; one that comes late hears the latest event first.
 *
 * ```
 * told:     --p-q---r-|
 * early:    ^-p-q---r-|
 * late:     -----(q)r-!
 * ```
 *
 * It is `share` with a ReplaySubject, made for a scheduler: it knows how many listen, leaving costs
 * O(1) among 10,000, all hear events in the order in which they were told even where a handler
 * brings about the next one, and nothing that one of them throws, not even from its teardown,
 * keeps the others from hearing.
 */
export class Broadcast<E extends object> implements Observer<E> {
  readonly #listeners = new Ring<Listener<E>>();
  #size = 0;
  #latest: E | undefined;
  /** What is told while the listeners are still hearing what was told before. */
  #pending: (() => void)[] | undefined;

  get latest(): E | undefined {
    return this.#latest;
  }

  get size(): number {
    return this.#size;
  }

  add(listener: Listener<E>): void {
    this.#size++;
    this.#listeners.push(listener);
    if (this.#latest !== undefined) listener.subscriber.next(this.#latest);
  }

  remove(listener: Listener<E>): void {
    this.#size--;
    this.#listeners.remove(listener);
  }

  next(event: E): void {
    this.#inOrder(() => {
      this.#latest = event;
      this.#tell((subscriber) => subscriber.next(event));
    });
  }

  error(error: unknown): void {
    this.#inOrder(() => this.#tell((subscriber) => subscriber.error(error)));
  }

  complete(): void {
    this.#inOrder(() => this.#tell((subscriber) => subscriber.complete()));
  }

  #inOrder(tell: () => void): void {
    if (this.#pending !== undefined) {
      this.#pending.push(tell);
      return;
    }
    this.#pending = [];
    for (let next: typeof tell | undefined = tell; next; next = this.#pending.shift()) next();
    this.#pending = undefined;
  }

  /** Those who come meanwhile are not told: they have heard the latest as they came. */
  #tell(tell: (subscriber: Subscriber<E>) => void): void {
    for (const { subscriber } of this.#listeners.links()) {
      try {
        tell(subscriber);
      } catch (error) {
        reportUnhandled(error);
      }
    }
  }
}

/** Reports as RxJS reports what a handler throws: on its own, by `config.onUnhandledError`. */
function reportUnhandled(error: unknown): void {
  throwError(() => error).subscribe();
}
