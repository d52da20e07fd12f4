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
  #closed = false;
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
    // Nobody waits any more for what is asked for so late; that it is done matters all the same.
    if (this.#closed) withoutError(work$).subscribe();
    else (this.#cleanups ??= []).push(withoutError(work$));
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

  /** The job is down: tells what it wants done then. None of it errors. */
  close(): readonly Observable<unknown>[] {
    this.#closed = true;
    return this.#cleanups ?? [];
  }
}

/** An error in a cleanup counts as its end. */
function withoutError(work$: Observable<unknown>): Observable<unknown> {
  return work$.pipe(catchError(() => EMPTY));
}

function emitOnce(start$: AsyncSubject<void>): void {
  start$.next();
  start$.complete();
}
