import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { types } from 'node:util';
import { map, tap, type SchedulerLike } from 'rxjs';
import { isConfigType, type BlobBody, type Descriptor } from '../oci/index.js';
import {
  loggedRetries,
  resultEvent,
  resultOf,
  retryTransfer,
  silentLogger,
  type Logger,
} from '../transfer/index.js';
import { abortableRequest } from './abortable-request.js';
import type { RegistryClient } from './client.js';
import { HostsFailedError, RegistryError } from './errors.js';

/** When a {@link retryingClient} tries again. */
export interface DocumentRetryOptions {
  /** Attempts a request, the first included. Default 5. */
  readonly maxAttempts?: number;
  /** The wait before the next attempt, in ms. Default 1, 2, 4, 8 s. */
  readonly delay?: (failures: number, error: unknown) => number;
  /** The longest wait, in ms, that a server is granted which asks for more. Default 300,000. */
  readonly maxRetryAfter?: number;
  /** The time of the waits. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** Told of each further attempt. Default: nobody is. */
  readonly logger?: Logger;
}

/** What {@link retryingClient} makes. */
export interface RetryingClient extends RegistryClient {
  /**
   * The same client, which tells of the waits of what is asked of it by that: the seconds left,
   * each second, and 0 as it asks again. Closing it closes the client given.
   */
  watched(onWait: (seconds: number) => void): RegistryClient;
}

const documentDelay = (failures: number): number => 1000 * 2 ** (failures - 1);

/**
 * A client that tries again where that may help, for what describes images: manifests, indexes and
 * configurations, with the tokens that they need, and lists of referrers, each read whole. Layers
 * are as the client given has them, since whoever moves layers has retries of their own.
 *
 * Nobody waits for a registry that has never answered and refuses connections: it doesn't run, or
 * is another. Closing this closes the client given.
 */
export function retryingClient(
  client: RegistryClient,
  options: DocumentRetryOptions = {},
): RetryingClient {
  const answered = new Set<string>();
  const unheard = (): void => undefined;
  return {
    ...clientWith(client, options, answered, unheard),
    watched: (onWait) => clientWith(client, options, answered, onWait),
  };
}

/** @param answered the hosts that have answered before. */
function clientWith(
  client: RegistryClient,
  options: DocumentRetryOptions,
  answered: Set<string>,
  onWait: (seconds: number) => void,
): RegistryClient {
  const retrying = <T>(
    host: string,
    signal: AbortSignal,
    request: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const attempt = async (own: AbortSignal): Promise<Outcome<T>> => {
      try {
        const value = await request(own);
        answered.add(host);
        return { value };
      } catch (error) {
        if (error instanceof RegistryError && error.status !== undefined) answered.add(host);
        if (mayHelp(error, answered.has(host))) throw error;
        return { error };
      }
    };
    return outcomeOf(attempt, { ...options, onWait }, signal);
  };
  const isDocument = ({ mediaType, size }: Descriptor): boolean =>
    isConfigType(mediaType) && size <= documentLimit;
  return {
    resolve: (reference, signal) =>
      retrying(reference.host, signal, (own) => client.resolve(reference, own)),
    manifest: (reference, signal) =>
      retrying(reference.host, signal, (own) => client.manifest(reference, own)),
    putManifest: (reference, manifest, signal) =>
      retrying(reference.host, signal, (own) => client.putManifest(reference, manifest, own)),
    has: (repository, blob, signal) =>
      isDocument(blob)
        ? retrying(repository.host, signal, (own) => client.has(repository, blob, own))
        : client.has(repository, blob, signal),
    blob: (repository, blob, request) =>
      isDocument(blob)
        ? retrying(repository.host, request.signal, async (signal) =>
            readWhole(await client.blob(repository, blob, { ...request, signal })),
          )
        : client.blob(repository, blob, request),
    upload: (repository, blob, open, upload) =>
      isDocument(blob)
        ? retrying(repository.host, upload.signal, (signal) =>
            client.upload(repository, blob, open, { ...upload, signal }),
          )
        : client.upload(repository, blob, open, upload),
    mount: (repository, digest, from, upload) => client.mount(repository, digest, from, upload),
    tags: (repository, list) => client.tags(repository, list),
    repositories: (host, list) => client.repositories(host, list),
    referrers: (repository, subject, list) =>
      (list.maxEntries ?? Infinity) > shortList
        ? client.referrers(repository, subject, list)
        : onePage(() =>
            retrying(repository.host, list.signal, async (signal) => {
              const found: Descriptor[] = [];
              const pages = client.referrers(repository, subject, { ...list, signal });
              for await (const page of pages) found.push(...page);
              return found;
            }),
          ),
    delete: (reference, signal) => client.delete(reference, signal),
    check: (host, signal) => client.check(host, signal),
    close: () => client.close(),
  };
}

/** Entries that a list may have to be read whole, for another attempt; longer ones go by page. */
const shortList = 1000;

async function* onePage<T>(read: () => Promise<T>): AsyncGenerator<T, void, undefined> {
  yield await read();
}

/** In bytes; what is larger is no configuration, whatever it says. */
const documentLimit = 4 * 1024 * 1024;

/** A body that can't break any more. */
async function readWhole(body: BlobBody): Promise<BlobBody> {
  const bytes = await buffer(body.stream);
  const { offset, resumable } = body;
  const distrust = (): boolean => body.distrust?.() ?? false;
  return { stream: Readable.from([bytes]), offset, resumable, distrust };
}

/** A failure that isn't worth another attempt is an outcome too. */
type Outcome<T> = { readonly value: T } | { readonly error: unknown };

async function outcomeOf<T>(
  attempt: (signal: AbortSignal) => Promise<Outcome<T>>,
  {
    logger = silentLogger,
    onWait,
    ...options
  }: DocumentRetryOptions & { readonly onWait: (seconds: number) => void },
  signal: AbortSignal,
): Promise<T> {
  const onRetry = loggedRetries(logger);
  let waited = false;
  const again = (own: AbortSignal): Promise<Outcome<T>> => {
    if (waited) onWait(0);
    return attempt(own);
  };
  const transfer$ = abortableRequest(again).pipe(
    map(resultEvent),
    retryTransfer({ delay: documentDelay, ...options, onRetry }),
    tap((event) => {
      if (event.kind !== 'progress' || event.progress.retryIn === undefined) return;
      waited = true;
      onWait(event.progress.retryIn);
    }),
  );
  const outcome = await resultOf(transfer$, { signal });
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

function mayHelp(error: unknown, hasAnswered: boolean): boolean {
  if (!(error instanceof RegistryError)) return false;
  return hasAnswered || !isNobodyThere(error);
}

function isNobodyThere(error: RegistryError): boolean {
  if (error instanceof HostsFailedError) return error.failures.every(isNobodyThere);
  const { cause } = error;
  // Not `instanceof`: the system's errors may come from another realm than ours.
  return types.isNativeError(cause) && 'code' in cause && cause.code === 'ECONNREFUSED';
}
