import { AsyncSubject, catchError, EMPTY, type Observable } from 'rxjs';
import type { TransferContext } from './job.js';
import type { Place } from './place.js';
import type { Slots } from './slots.js';

/** What a transfer's job works with, each thing made when the job first asks for it. */
export class Context implements TransferContext {
  readonly #slots: Slots;
  readonly #place: Place;
  #started: boolean;
  #start$: AsyncSubject<void> | undefined;
  #aborted = false;
  #controller: AbortController | undefined;
  #cleanups: Observable<unknown>[] | undefined;

  constructor(slots: Slots, place: Place) {
    this.#slots = slots;
    this.#place = place;
    this.#started = place.state === 'held';
  }

  get started(): boolean {
    return this.#started;
  }

  get start$(): Observable<void> {
    if (this.#start$ === undefined) {
      this.#start$ = new AsyncSubject();
      if (this.#started) emitOnce(this.#start$);
    }
    return this.#start$.asObservable();
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.#controller.abort();
    return this.#controller.signal;
  }

  inactive(): void {
    this.#slots.leave(this.#place);
  }

  cleanup(work$: Observable<unknown>): void {
    (this.#cleanups ??= []).push(work$);
  }

  /** The slot is there. */
  start(): void {
    this.#started = true;
    if (this.#start$ !== undefined) emitOnce(this.#start$);
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
  }

  /** What the job wants done when it is over; none of it errors. */
  cleanups(): Observable<unknown>[] {
    return (this.#cleanups ?? []).map((work$) => work$.pipe(catchError(() => EMPTY)));
  }
}

function emitOnce(start$: AsyncSubject<void>): void {
  start$.next();
  start$.complete();
}
