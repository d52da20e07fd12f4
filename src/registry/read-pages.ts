import { discard, readAtMost } from './answers.js';
import type { HttpAnswer } from './connections.js';
import { ListingTooLongError } from './content-errors.js';
import { UnexpectedResponseError } from './errors.js';
import type { Concern } from './failures.js';
import { nextLink } from './link-header.js';
import { allowedAddress, type RegistryRequest, type Transport } from './transport.js';

/** One page of a listing. */
export interface Page<T> {
  readonly entries: readonly T[];
  /** Bytes that it had. */
  readonly size: number;
  readonly answer: HttpAnswer;
}

/** How much of a listing is taken at most. */
export interface ListingLimits {
  readonly maxPages: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Bytes that a page may have. */
const pageLimit = 16 * 1024 * 1024;

/**
 * Reads a listing page by page, by the `Link` of each (distribution spec, Listing Tags). The next
 * page is asked for when the reader wants it; leaving the loop ends it.
 *
 * @param parse throws when the page isn't what it should be.
 * @throws ListingTooLongError, UnexpectedResponseError, or what the answer stands for.
 */
export async function* readPages<T>(
  transport: Transport,
  first: RegistryRequest,
  parse: (bytes: Buffer) => readonly T[],
  limits: ListingLimits,
): AsyncGenerator<Page<T>, void, undefined> {
  const seen = new Set<string>();
  let request: RegistryRequest | undefined = first;
  let entries = 0;
  let bytes = 0;
  while (request !== undefined) {
    if (seen.has(request.url.href)) throw circle(request.concern);
    seen.add(request.url.href);
    const page: Page<T> = await readPage(transport, request, parse);
    entries += page.entries.length;
    bytes += page.size;
    checkLimits({ pages: seen.size, entries, bytes }, limits, first.concern);
    yield page;
    request = next(request, page.answer);
  }
}

/** @throws ListingTooLongError */
function checkLimits(
  read: { readonly pages: number; readonly entries: number; readonly bytes: number },
  { maxPages, maxEntries, maxBytes }: ListingLimits,
  concern: Concern,
): void {
  if (read.pages > maxPages) throw new ListingTooLongError(maxPages, 'pages', concern);
  if (read.entries > maxEntries) throw new ListingTooLongError(maxEntries, 'entries', concern);
  if (read.bytes > maxBytes) throw new ListingTooLongError(maxBytes, 'bytes', concern);
}

async function readPage<T>(
  transport: Transport,
  request: RegistryRequest,
  parse: (bytes: Buffer) => readonly T[],
): Promise<Page<T>> {
  const answer = await transport.send(request);
  if (answer.status !== 200) throw await transport.refusal(request, answer);
  const { concern, signal } = request;
  const bytes = await readAtMost(answer, pageLimit, concern, signal);
  if (bytes === undefined) {
    await discard(answer);
    throw malformed(answer, concern, `is over the limit of ${pageLimit} bytes`);
  }
  try {
    return { entries: parse(bytes), size: bytes.length, answer };
  } catch {
    // Not the cause: it holds what the server sent, which may be an echo of what it was shown.
    throw malformed(answer, concern, "isn't what the specification has there");
  }
}

/**
 * What asks for the page after. It may be at another host, which is shown no credentials; our own
 * name for the registry that a mirror stands for is kept.
 */
function next(request: RegistryRequest, answer: HttpAnswer): RegistryRequest | undefined {
  const link = nextLink(answer.headers['link']);
  if (link === undefined) return undefined;
  const url = allowedAddress(answer.url, sameScheme(answer.url, link), request.concern);
  const { base, namespace } = request.endpoint;
  if (namespace !== undefined && url.origin === base.origin) url.searchParams.set('ns', namespace);
  return { ...request, url };
}

/** Registries behind a proxy that encrypts may not know that they are spoken to in HTTPS. */
function sameScheme(from: URL, link: string): string {
  if (!URL.canParse(link)) return link;
  const url = new URL(link);
  return url.host === from.host ? `${from.origin}${url.pathname}${url.search}` : link;
}

function circle(concern: Concern): UnexpectedResponseError {
  const host = concern.host ?? 'The server';
  return new UnexpectedResponseError(`${host} leads from page to page in a circle`, concern);
}

function malformed(answer: HttpAnswer, concern: Concern, problem: string): UnexpectedResponseError {
  const message = `The listing that ${answer.url.host} sent ${problem}`;
  return new UnexpectedResponseError(message, { ...concern, status: answer.status });
}
