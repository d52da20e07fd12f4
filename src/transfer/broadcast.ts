import { throwError, type ObservableNotification, type Observer, type Subscriber } from 'rxjs';
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
 * told:           --p-q---r-|
 * early hears:    --p-q---r-|
 * late listens:   -----^---!
 * late hears:     -----q--r
 * ```
 *
 * What one of them throws harms no other, nor itself:
 *
 * ```
 * told:           --p-q-r-|
 * bad hears:      --p-q-r-|         throws at each
 * good hears:     --p-q-r-|
 * ```
 *
 * One that brings about the next event while it hears of one is heard in order by all:
 *
 * ```
 * told:           --p-----|         the first brings about q as it hears of p
 * first hears:    --(pq)--|
 * second hears:   --(pq)--|
 * ```
 *
 * It is `share` with a ReplaySubject, made for a scheduler: it knows how many listen, leaving costs
 * O(1) among 10,000, all hear events in the order in which they were told even where a handler
 * brings about the next one, and nothing that one of them throws, not even from its teardown,
 * keeps the others from hearing.
 *
 * A transfer in line is kept small, so this is the ring of its listeners rather than holding one.
 */
export class Broadcast<E extends object> extends Ring<Listener<E>> implements Observer<E> {
  #size = 0;
  #latest: E | undefined;
  #telling = false;
  /** What is told while the listeners are still hearing what was told before. */
  #pending: ObservableNotification<E>[] | undefined;

  get latest(): E | undefined {
    return this.#latest;
  }

  get size(): number {
    return this.#size;
  }

  add(listener: Listener<E>): void {
    this.#size++;
    this.push(listener);
    if (this.#latest !== undefined) listener.subscriber.next(this.#latest);
  }

  override remove(listener: Listener<E>): void {
    this.#size--;
    super.remove(listener);
  }

  next(event: E): void {
    this.#inOrder({ kind: 'N', value: event });
  }

  error(error: unknown): void {
    this.#inOrder({ kind: 'E', error });
  }

  complete(): void {
    this.#inOrder(completion);
  }

  #inOrder(notification: ObservableNotification<E>): void {
    if (this.#telling) {
      (this.#pending ??= []).push(notification);
      return;
    }
    this.#telling = true;
    this.#tell(notification);
    for (let next = this.#pending?.shift(); next; next = this.#pending?.shift()) this.#tell(next);
    this.#telling = false;
  }

  /** Those who come meanwhile are not told: they have heard the latest as they came. */
  #tell(notification: ObservableNotification<E>): void {
    if (notification.kind === 'N') this.#latest = notification.value;
    for (const { subscriber } of this.links()) {
      try {
        pass(notification, subscriber);
      } catch (error) {
        reportUnhandled(error);
      }
    }
  }
}

const completion = { kind: 'C' } as const;

function pass<E>(notification: ObservableNotification<E>, subscriber: Subscriber<E>): void {
  if (notification.kind === 'N') subscriber.next(notification.value);
  else if (notification.kind === 'E') subscriber.error(notification.error);
  else subscriber.complete();
}

/** Reports as RxJS reports what a handler throws: on its own, by `config.onUnhandledError`. */
function reportUnhandled(error: unknown): void {
  throwError(() => error).subscribe();
}
