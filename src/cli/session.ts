import {
  connect,
  defer,
  endWith,
  ignoreElements,
  lastValueFrom,
  merge,
  mergeMap,
  takeUntil,
  type Observable,
} from 'rxjs';
import { createRxfer, type Rxfer } from '../image/index.js';
import { createMemoryStore, type DiskStore, type Store } from '../layer/index.js';
import { interrupted$ } from './interrupt.js';
import type { LogOptions } from './log-options.js';
import { openLogger } from './logging.js';
import { openClient } from './open-client.js';
import type { MoveOptions, StoreOptions } from './options.js';
import type { RegistryOptions } from './registry-options.js';

/** What a command that moves images works with. */
export interface Session {
  readonly store: DiskStore;
  readonly rxfer: Rxfer;
}

/** What a session without a store is opened with. */
export interface RemoteSessionOptions
  extends LogOptions, RegistryOptions, Pick<MoveOptions, 'concurrency'> {
  /** The registries that are named, for which alone the options loosen anything. Default: none. */
  readonly hosts?: readonly string[];
}

/** What a session is opened with. */
export interface SessionOptions extends RemoteSessionOptions, StoreOptions {}

/**
 * Opens the store and a registry client, runs a command on them to its last event, and closes
 * the client. An interruption unsubscribes the command.
 */
export function runSession<E>(
  options: SessionOptions,
  command: (session: Session) => Observable<E>,
): Promise<E> {
  return runOn(options, (open) =>
    // Much code is for a store on disk alone.
    defer(async () => (await import('./open-store.js')).openStore(options)).pipe(
      mergeMap((store) => command({ store, rxfer: open(store) })),
    ),
  );
}

/** As {@link runSession}, for a command that finds nothing in the store and leaves nothing there. */
export function runWithoutStore<E>(
  options: RemoteSessionOptions,
  command: (rxfer: Rxfer) => Observable<E>,
): Promise<E> {
  return runOn(options, (open) => command(open(createMemoryStore())));
}

async function runOn<E>(
  options: RemoteSessionOptions,
  command: (open: (store: Store) => Rxfer) => Observable<E>,
): Promise<E> {
  const { concurrency, hosts = [] } = options;
  const limit = concurrency === undefined ? {} : { concurrency };
  const registry = openClient(options, hosts);
  try {
    const logger = openLogger(options);
    const events$ = command((store) => createRxfer({ store, registry, logger, ...limit }));
    return await lastValueFrom(untilInterrupted(events$));
  } finally {
    await registry.close();
  }
}

/** The events, or an InterruptedError as soon as the user wants us to end. */
export function untilInterrupted<E>(events$: Observable<E>): Observable<E> {
  return events$.pipe(
    connect((shared$) => {
      const end$ = shared$.pipe(ignoreElements(), endWith(undefined));
      return merge(interrupted$.pipe(takeUntil(end$)), shared$);
    }),
  );
}
