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
import { openDiskStore, type DiskStore } from '../layer/index.js';
import { createRegistryClient, dockerCredentials } from '../registry/index.js';
import { interrupted$ } from './interrupt.js';
import type { MoveOptions } from './options.js';

/** What a command that moves images works with. */
export interface Session {
  readonly store: DiskStore;
  readonly rxfer: Rxfer;
}

/** The options that a {@link Session} is opened with. */
export type SessionOptions = Pick<
  MoveOptions,
  'store' | 'plainHttp' | 'concurrency' | 'mirror' | 'hostsDir' | 'chunks'
>;

/**
 * Opens the store and a registry client, runs a command on them to its last event, and closes
 * the client. An interruption unsubscribes the command.
 */
export async function runSession<E>(
  options: SessionOptions,
  command: (session: Session) => Observable<E>,
): Promise<E> {
  const registry = createRegistryClient({
    credentials: dockerCredentials(),
    plainHttp: options.plainHttp === true ? 'always' : 'loopback',
    hostsFolder: options.hostsDir,
    ...(options.mirror === undefined ? {} : { mirrors: options.mirror }),
    ...(options.chunks === undefined ? {} : { chunks: options.chunks }),
  });
  const { concurrency } = options;
  const events$ = defer(() => from(openDiskStore(options.store))).pipe(
    mergeMap((store) => {
      const limit = concurrency === undefined ? {} : { concurrency };
      return command({ store, rxfer: createRxfer({ store, registry, ...limit }) });
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
