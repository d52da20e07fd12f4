import {
  connect,
  defer,
  endWith,
  from,
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
import type { MoveOptions, StoreOptions } from './options.js';
import { openLogger } from './logging.js';
import { openClient } from './open-client.js';
import { openStore } from './open-store.js';
import type { RegistryOptions } from './registry-options.js';

/** What a command that moves images works with. */
export interface Session<TStore = DiskStore> {
  readonly store: TStore;
  readonly rxfer: Rxfer;
}

/** What a session is opened with. */
export interface SessionOptions
  extends StoreOptions, RegistryOptions, Pick<MoveOptions, 'concurrency'> {
  /** The registries that are named, for which alone the options loosen anything. Default: none. */
  readonly hosts?: readonly string[];
}

/**
 * Opens the store and a registry client, runs a command on them to its last event, and closes
 * the client. An interruption unsubscribes the command.
 */
export function runSession<E>(
  options: SessionOptions,
  command: (session: Session) => Observable<E>,
): Promise<E> {
  return runOn(() => openStore(options), options, command);
}

/** As {@link runSession}, for a command that finds nothing in the store and leaves nothing there. */
export function runWithoutStore<E>(
  options: SessionOptions,
  command: (rxfer: Rxfer) => Observable<E>,
): Promise<E> {
  return runOn(
    () => Promise.resolve(createMemoryStore()),
    options,
    ({ rxfer }) => command(rxfer),
  );
}

async function runOn<E, TStore extends Store>(
  open: () => Promise<TStore>,
  options: SessionOptions,
  command: (session: Session<TStore>) => Observable<E>,
): Promise<E> {
  const { concurrency, hosts = [] } = options;
  const registry = openClient(options, hosts);
  const events$ = defer(() => from(open())).pipe(
    mergeMap((store) => {
      const limit = concurrency === undefined ? {} : { concurrency };
      const logger = openLogger(options);
      return command({ store, rxfer: createRxfer({ store, registry, logger, ...limit }) });
    }),
  );
  try {
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
