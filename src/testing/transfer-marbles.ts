import { inspect, isDeepStrictEqual } from 'node:util';
import { filter, finalize, ReplaySubject, tap, type Observable } from 'rxjs';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import {
  progressEvent,
  resultEvent,
  RxferError,
  TransferManager,
  whenStarted,
  type TransferContext,
  type TransferEvent,
  type TransferJob,
} from '../transfer/index.js';

/** What a diagram is held against. */
export interface MarbleExpectation<V> {
  /**
   * Compares when the test's virtual time is over.
   *
   * @param values what the letters stand for, beside those known anyway.
   */
  toBe(diagram: string, values?: Readonly<Record<string, V>>): void;
}

/** What {@link transferMarbles} gives its test, beside the helpers of RxJS's TestScheduler. */
export interface TransferMarbles extends RunHelpers {
  /** The virtual time, for whatever else takes a SchedulerLike. */
  readonly scheduler: TestScheduler;
  /** A manager in virtual time. */
  readonly manager: (concurrency?: number) => TransferManager<string>;
  /**
   * A job that waits for its slot and then does what its diagram says. `i` gives the slot back
   * and goes on; `r`, `s` and `t` are results; any other letter is a progress of that phase.
   *
   * @param name what starts and releases call it.
   */
  readonly job: (
    name: string,
    diagram: string,
    values?: Readonly<Record<string, TransferEvent<string>>>,
  ) => TransferJob<string>;
  /**
   * What a watcher hears: `w` is the progress `Waiting`, other letters are as in jobs.
   *
   * @param subscription when it watches, such as `'--^---!'`. Default: from the beginning.
   */
  readonly expectEvents: (
    events$: Observable<TransferEvent<string>>,
    subscription?: string,
  ) => MarbleExpectation<TransferEvent<string>>;
  /** When each job got its slot, by name. */
  readonly expectStarts: () => MarbleExpectation<string>;
  /** When each job gave its slot back, by name: by `i`, its end, or because all left. */
  readonly expectReleases: () => MarbleExpectation<string>;
}

/** How {@link transferMarbles} compares. */
export interface TransferMarblesOptions {
  /**
   * Compares deeply and throws where they differ, such as `(a, b) => expect(a).toEqual(b)`.
   * Default: throws a MarbleMismatchError.
   */
  readonly assertDeepEqual?: (actual: unknown, expected: unknown) => void;
}

/** What happened isn't what the diagram says. */
export class MarbleMismatchError extends RxferError {
  override readonly name = 'MarbleMismatchError';

  constructor(
    readonly actual: unknown,
    readonly expected: unknown,
  ) {
    super(
      'ERR_MARBLE_MISMATCH',
      `The diagram doesn't match\nexpected:\n${frames(expected)}\nactual:\n${frames(actual)}`,
      { hint: 'Each line is a frame of 1 ms and what happens then.' },
    );
  }
}

/**
 * Runs a test of a pipeline of transfers in virtual time, where a dash is 1 ms: jobs are written
 * as diagrams, and so is what is expected of their order, progress and slots.
 *
 * ```
 * job a:      p--(r|)
 * job b:      p--(r|)
 * limit 1     a: p--(r|)
 *             b: w--p--(r|)
 * starts:     a--b
 * releases:   ---a--b
 * ```
 *
 * Needs no test framework: it throws where something differs.
 *
 * @throws MarbleMismatchError
 * @example
 * transferMarbles(({ manager, job, expectEvents, expectStarts }) => {
 *   const slots = manager(1);
 *   expectEvents(slots.transfer('a', job('a', 'p--(r|)'))).toBe('p--(r|)');
 *   expectEvents(slots.transfer('b', job('b', 'p--(r|)'))).toBe('w--p--(r|)');
 *   expectStarts().toBe('a--b');
 * });
 */
export function transferMarbles(
  test: (marbles: TransferMarbles) => void,
  options: TransferMarblesOptions = {},
): void {
  const { assertDeepEqual = assertSame } = options;
  const scheduler = new TestScheduler(assertDeepEqual);
  scheduler.run((helpers) => test(transferHelpers(helpers, scheduler)));
}

function transferHelpers(helpers: RunHelpers, scheduler: TestScheduler): TransferMarbles {
  const starts$ = new ReplaySubject<string>(Infinity);
  const releases$ = new ReplaySubject<string>(Infinity);
  const expectNames = (names$: Observable<string>): MarbleExpectation<string> => ({
    toBe: (diagram, names = {}) =>
      helpers.expectObservable(names$).toBe(diagram, { ...letters((name) => name), ...names }),
  });
  return {
    ...helpers,
    scheduler,
    manager: (concurrency) => new TransferManager(concurrency, { scheduler }),
    job: (name, diagram, values = {}) => {
      const source$ = helpers.cold<JobEvent>(diagram, { ...events, i: inactive, ...values });
      return whenStarted((context) => {
        starts$.next(name);
        return heeding(source$, context, () => releases$.next(name));
      });
    },
    expectEvents: (events$, subscription) => ({
      toBe: (diagram, values = {}) =>
        helpers.expectObservable(events$, subscription).toBe(diagram, { ...events, ...values }),
    }),
    expectStarts: () => expectNames(starts$),
    expectReleases: () => expectNames(releases$),
  };
}

/** Stands for `i` in a job's diagram. */
const inactive = Symbol('inactive');

type JobEvent = TransferEvent<string> | typeof inactive;

/** Does what `i` asks for, and tells once that the slot is free. */
function heeding(
  source$: Observable<JobEvent>,
  context: TransferContext,
  released: () => void,
): Observable<TransferEvent<string>> {
  let holds = true;
  const release = (): void => {
    if (holds) released();
    holds = false;
  };
  return source$.pipe(
    tap((event) => {
      if (event !== inactive) return;
      release();
      context.inactive();
    }),
    filter((event): event is TransferEvent<string> => event !== inactive),
    finalize(release),
  );
}

const events: Readonly<Record<string, TransferEvent<string>>> = {
  ...letters((letter) => progressEvent(letter)),
  w: progressEvent('Waiting'),
  r: resultEvent('r'),
  s: resultEvent('s'),
  t: resultEvent('t'),
};

function letters<V>(of: (letter: string) => V): Record<string, V> {
  const all = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  return Object.fromEntries(Array.from(all, (letter) => [letter, of(letter)]));
}

function assertSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) throw new MarbleMismatchError(actual, expected);
}

/** One line for each frame of what the TestScheduler hands over. */
function frames(messages: unknown): string {
  const lines = Array.isArray(messages) ? messages : [messages];
  return lines
    .map((line) => `  ${inspect(line, { breakLength: Infinity, compact: 10, depth: 6 })}`)
    .join('\n');
}
