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
    if (this.#telling) this.#later({ kind: 'N', value: event });
    else this.#inOrder(passEvent, (this.#latest = event));
  }

  error(error: unknown): void {
    if (this.#telling) this.#later({ kind: 'E', error });
    else this.#inOrder(passError, error);
  }

  complete(): void {
    if (this.#telling) this.#later({ kind: 'C' });
    else this.#inOrder(passEnd, undefined);
  }

  #later(notification: ObservableNotification<E>): void {
    (this.#pending ??= []).push(notification);
  }

  #inOrder<W>(pass: Pass<E, W>, what: W): void {
    this.#telling = true;
    this.#tell(pass, what);
    for (let next = this.#pending?.shift(); next; next = this.#pending?.shift()) {
      if (next.kind === 'N') this.#tell(passEvent, (this.#latest = next.value));
      else if (next.kind === 'E') this.#tell(passError, next.error);
      else this.#tell(passEnd, undefined);
    }
    this.#telling = false;
  }

  /** Those who come meanwhile are not told: they have heard the latest as they came. */
  #tell<W>(pass: Pass<E, W>, what: W): void {
    const { first } = this;
    if (first === undefined) return;
    // Almost all have one listener, who needs no list.
    if (first.next === first) passSafely(pass, first, what);
    else for (const listener of this.links()) passSafely(pass, listener, what);
  }
}

/** Hands one notification to a subscriber. Without an object for each, since most are told at once. */
type Pass<E, W> = (subscriber: Subscriber<E>, what: W) => void;

function passEvent<E>(subscriber: Subscriber<E>, event: E): void {
  subscriber.next(event);
}

function passError(subscriber: Subscriber<never>, error: unknown): void {
  subscriber.error(error);
}

function passEnd(subscriber: Subscriber<never>): void {
  subscriber.complete();
}

function passSafely<E, W>(pass: Pass<E, W>, { subscriber }: Listener<E>, what: W): void {
  try {
    pass(subscriber, what);
  } catch (error) {
    reportUnhandled(error);
  }
}

/** Reports as RxJS reports what a handler throws: on its own, by `config.onUnhandledError`. */
function reportUnhandled(error: unknown): void {
  throwError(() => error).subscribe();
}
