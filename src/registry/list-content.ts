import * as v from 'valibot';
import type { Repository } from '../oci/index.js';
import type { ListOptions } from './client.js';
import { addressOf, type Endpoint, type Endpoints } from './endpoints.js';
import { NoCatalogError } from './content-errors.js';
import { InvalidClientOptionError, RegistryError } from './errors.js';
import type { HostHealth } from './host-health.js';
import { readPages, type ListingLimits, type Page } from './read-pages.js';
import { catalogScope, pullScope, type Scope } from './scopes.js';
import type { RegistryRequest, Transport } from './transport.js';
import { tryHosts } from './try-hosts.js';

/** What is listed: where at an endpoint, with what it takes, and what a page looks like. */
export interface Listing<T> {
  readonly host: string;
  readonly address: (endpoint: Endpoint) => URL;
  readonly scopes: readonly Scope[];
  /** For the errors. */
  readonly reference?: string;
  readonly parse: (bytes: Buffer) => readonly T[];
  readonly options: ListOptions;
}

// Names are printed, so nothing but what can stand in one is taken from the wire.
const names = (grammar: RegExp) => v.nullish(v.array(v.pipe(v.string(), v.regex(grammar))), []);
const tagsPage = v.object({ tags: names(/^\w[\w.-]{0,127}$/) });
const catalogPage = v.object({ repositories: names(/^[\w./-]{1,255}$/) });

const defaultPageSize = 1000;
const defaultMaxBytes = 256 * 1024 * 1024;

/** Lists what registries have (distribution spec, Content Discovery). */
export class ContentLister {
  readonly #transport: Transport;
  readonly #endpoints: Endpoints;
  readonly #health: HostHealth;

  constructor(transport: Transport, endpoints: Endpoints, health: HostHealth) {
    this.#transport = transport;
    this.#endpoints = endpoints;
    this.#health = health;
  }

  /** end-8. */
  async *tags(
    repository: Repository,
    options: ListOptions,
  ): AsyncGenerator<readonly string[], void, undefined> {
    const listing: Listing<string> = {
      host: repository.host,
      address: (endpoint) => paged(addressOf(endpoint, repository, 'tags/list'), options),
      scopes: [pullScope(repository)],
      reference: `${repository.host}/${repository.path}`,
      parse: (bytes) => v.parse(tagsPage, JSON.parse(bytes.toString())).tags,
      options,
    };
    for await (const { entries } of this.pages(listing)) yield entries;
  }

  /** Docker's `GET /v2/_catalog`, which the specification leaves out. */
  async *repositories(
    host: string,
    options: ListOptions,
  ): AsyncGenerator<readonly string[], void, undefined> {
    const listing: Listing<string> = {
      host,
      address: (endpoint) => paged(catalogAddress(endpoint), options),
      scopes: [catalogScope],
      parse: (bytes) => v.parse(catalogPage, JSON.parse(bytes.toString())).repositories,
      options,
    };
    try {
      for await (const { entries } of this.pages(listing)) yield entries;
    } catch (error) {
      if (!(error instanceof RegistryError) || ![404, 405].includes(error.status ?? 0)) throw error;
      throw new NoCatalogError({ host, cause: error });
    }
  }

  /**
   * The pages of a listing, all from one host. The registry itself is asked before its mirrors,
   * which may have a part alone.
   */
  async *pages<T>(listing: Listing<T>): AsyncGenerator<Page<T>, void, undefined> {
    const { host, reference, options } = listing;
    const limits = limitsOf(options);
    const concern = { host, ...(reference === undefined ? {} : { reference }) };
    const endpoints = [...(await this.#endpoints(host, 'resolve'))].reverse();
    const order = this.#health.order(endpoints);
    const [pages, first] = await tryHosts(order, this.#health, concern, async (endpoint) => {
      const request: RegistryRequest = {
        method: 'GET',
        endpoint,
        url: listing.address(endpoint),
        scopes: listing.scopes,
        concern: { ...concern, host: endpoint.host },
        signal: options.signal,
      };
      const begun = readPages(this.#transport, request, listing.parse, limits);
      return [begun, await begun.next()] as const;
    });
    if (first.done !== true) yield first.value;
    yield* pages;
  }
}

function paged(url: URL, { pageSize = defaultPageSize, last }: ListOptions): URL {
  url.searchParams.set('n', String(pageSize));
  if (last !== undefined) url.searchParams.set('last', last);
  return url;
}

function catalogAddress({ base, namespace }: Endpoint): URL {
  const url = new URL('_catalog', base);
  if (namespace !== undefined) url.searchParams.set('ns', namespace);
  return url;
}

function limitsOf(options: ListOptions): ListingLimits {
  const { pageSize = defaultPageSize, maxPages = 10_000, maxEntries = 1_000_000 } = options;
  const { maxBytes = defaultMaxBytes } = options;
  for (const [name, value] of Object.entries({ pageSize, maxPages, maxEntries, maxBytes })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new InvalidClientOptionError(name, 'is not a whole number, 1 or more');
    }
  }
  return { maxPages, maxEntries, maxBytes };
}
