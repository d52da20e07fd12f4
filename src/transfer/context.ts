import { AsyncSubject, catchError, EMPTY, type Observable } from 'rxjs';
import type { TransferContext } from './job.js';
import { Place, type SlotHolder } from './place.js';
import type { Slots } from './slots.js';

/** What a transfer's job works with, each thing made when the job first asks for it. */
export class Context implements TransferContext, SlotHolder {
  readonly place = new Place(this);
  readonly #slots: Slots;
  readonly #holder: SlotHolder;
  #started = false;
  #start$: AsyncSubject<void> | undefined;
  #aborted = false;
  #controller: AbortController | undefined;
  #cleanups: Observable<unknown>[] | undefined;

  /** @param holder told of the slot ahead of whoever asked for {@link start$}. */
  constructor(slots: Slots, holder: SlotHolder) {
    this.#slots = slots;
    this.#holder = holder;
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
    this.#slots.leave(this.place);
  }

  cleanup(work$: Observable<unknown>): void {
    (this.#cleanups ??= []).push(work$);
  }

  /** The slot is there. */
  start(): void {
    this.#started = true;
    this.#holder.start();
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
