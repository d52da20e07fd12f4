import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  parseRepository,
} from '../../src/index.js';
import type { ListOptions, RegistryClient, Rxfer } from '../../src/index.js';
import { nextLink } from '../../src/registry/link-header.js';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';
import { pushSample } from '../support/push-sample.js';

const { signal } = new AbortController();
const username = 'ali';
const password = 'open sesame';
let client: RegistryClient;
let rxfer: Rxfer;

beforeAll(() => {
  const credentials = () => Promise.resolve({ kind: 'basic' as const, username, password });
  client = createRegistryClient({ credentials });
  rxfer = createRxfer({ store: createMemoryStore(), registry: client });
});
afterAll(() => client.close());

async function tagsOf(host: string, options: Partial<ListOptions> = {}): Promise<string[]> {
  const tags: string[] = [];
  for await (const page of client.tags({ host, path: 'app' }, { signal, ...options })) {
    tags.push(...page);
  }
  return tags;
}

const listed = ({ requests }: TestRegistry): string[] =>
  requests.filter(({ path }) => /tags|catalog/.test(path)).map(({ path }) => path);

async function registryWith(...tags: string[]): Promise<TestRegistry> {
  const registry = await startRegistry({ pageSize: 2 });
  const image = await sampleImage({ layers: [[{ name: 'a', size: 10 }]] });
  for (const tag of tags) registry.addImage('app', tag, image);
  return registry;
}

/** Has the first page of tags lead on to another place. */
function leadTo(registry: TestRegistry, link: string): void {
  const headers = { link, 'content-type': 'application/json' };
  registry.inject({
    match: { path: /tags\/list$/ },
    times: 1,
    fault: { kind: 'status', status: 200, headers, body: '{"name":"app","tags":["first"]}' },
  });
}

describe('the Link header', () => {
  it.each([
    ['</v2/app/tags/list?n=2&last=b>; rel="next"', '/v2/app/tags/list?n=2&last=b'],
    ['<https://r.io/a,b;c>;rel=next', 'https://r.io/a,b;c'],
    ['</first>; rel="first", </next>; title="a, \\"b\\""; rel="last next"', '/next'],
    ['</prev>; rel="prev"', undefined],
    ['</a>; title="rel=next"', undefined],
    ['/v2/app; rel="next"', undefined],
    ['', undefined],
  ])('%s leads to %s', (header, address) => expect(nextLink(header)).toBe(address));

  it('may come several times, and not at all', () => {
    expect(nextLink(['</a>; rel="prev"', '</b>; rel="next"'])).toBe('/b');
    expect(nextLink(undefined)).toBeUndefined();
  });
});

describe('the name of a repository', () => {
  it.each([
    ['alpine', 'docker.io/library/alpine'],
    ['localhost:5000/app', 'localhost:5000/app'],
    ['[::1]:5000/a/b', '[::1]:5000/a/b'],
  ])('%s is %s', (text, name) => {
    const { host, path } = parseRepository(text);
    expect(`${host}/${path}`).toBe(name);
  });

  it.each(['alpine:3', 'localhost:5000/app:v1', `app@sha256:${'a'.repeat(64)}`])(
    'is not %s, which goes on behind it',
    (text) => {
      const position = text.search(/:[^/]*$|@/);
      expect(() => parseRepository(text)).toThrow(expect.objectContaining({ position }) as Error);
    },
  );
});

describe('the tags of a repository', () => {
  let registry: TestRegistry;
  beforeEach(async () => {
    registry = await registryWith('a', 'b', 'c', 'd', 'e');
  });
  afterEach(() => registry.close());

  it('come page by page, by the links', async () => {
    expect(await tagsOf(registry.host, { pageSize: 100 })).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(listed(registry)).toEqual([
      '/v2/app/tags/list?n=100',
      '/v2/app/tags/list?n=2&last=b',
      '/v2/app/tags/list?n=2&last=d',
    ]);
    expect(await tagsOf(registry.host, { pageSize: 3, last: 'c' })).toEqual(['d', 'e']);
  });

  it('are asked for as far as they are wanted', async () => {
    const name = `${registry.host}/app`;
    expect(await lastValueFrom(rxfer.tags(name).pipe(take(2), toArray()))).toEqual(['a', 'b']);
    expect(await firstValueFrom(rxfer.tags(name))).toBe('a');
    for await (const page of client.tags({ host: registry.host, path: 'app' }, { signal })) {
      expect(page).toEqual(['a', 'b']);
      break;
    }
    expect(listed(registry)).toHaveLength(3);
    expect(await lastValueFrom(rxfer.tags(name).pipe(toArray()))).toHaveLength(5);
  });

  it('are none where the registry says null', async () => {
    const body = '{"name":"app","tags":null}';
    registry.inject({ fault: { kind: 'status', status: 200, body } });
    expect(await tagsOf(registry.host)).toEqual([]);
  });

  it('are refused above the limits, and where pages lead in a circle', async () => {
    const tooLong = { code: 'ERR_LISTING_TOO_LONG', host: registry.host };
    await expect(tagsOf(registry.host, { maxPages: 2 })).rejects.toMatchObject(tooLong);
    await expect(tagsOf(registry.host, { maxEntries: 4 })).rejects.toMatchObject(tooLong);
    await expect(tagsOf(registry.host, { maxBytes: 60 })).rejects.toMatchObject({
      ...tooLong,
      message: 'The listing has more than 60 bytes',
    });
    // Of each page: {"name":"app","tags":["a","b"]}
    expect(await tagsOf(registry.host, { maxBytes: 90 })).toHaveLength(5);
    leadTo(registry, '<list?n=1000>; rel="next"');
    const circle = { code: 'ERR_UNEXPECTED_RESPONSE' };
    await expect(tagsOf(registry.host)).rejects.toMatchObject(circle);
    const zero = tagsOf(registry.host, { pageSize: 0 });
    await expect(zero).rejects.toMatchObject({ code: 'ERR_INVALID_CLIENT_OPTION' });
  });

  it.each(['{"tags":"a"}', '{"tags":["\\u001b[2J"]}', '7', 'tags'])(
    'are refused when a page reads %s',
    async (body) => {
      registry.inject({ fault: { kind: 'status', status: 200, body } });
      const malformed = { code: 'ERR_UNEXPECTED_RESPONSE', reference: `${registry.host}/app` };
      await expect(tagsOf(registry.host)).rejects.toMatchObject(malformed);
    },
  );

  it('follow relative and absolute links, and take the scheme of the host that sent them', async () => {
    leadTo(registry, '<list?last=d>; rel="next"');
    expect(await tagsOf(registry.host)).toEqual(['first', 'e']);
    leadTo(registry, `<${registry.url}/v2/app/tags/list?last=d>; rel="next"`);
    expect(await tagsOf(registry.host)).toEqual(['first', 'e']);
    leadTo(registry, `<https://${registry.host}/v2/app/tags/list?last=d>; rel="next"`);
    expect(await tagsOf(registry.host)).toEqual(['first', 'e']);
  });

  it('show no credentials to another host that a link leads to', async () => {
    const auth = { kind: 'basic' as const, username, password };
    const locked = await startRegistry({ auth });
    try {
      locked.repository('app');
      expect(await tagsOf(locked.host)).toEqual([]);
      leadTo(locked, `<${registry.url}/v2/app/tags/list?last=d>; rel="next"`);
      expect(await tagsOf(locked.host)).toEqual(['first', 'e']);
      expect(locked.requests.at(-1)?.authorization).toMatch(/^Basic /);
      expect(registry.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    } finally {
      await locked.close();
    }
  });

  it('come from the registry itself, and from a mirror where that is out of reach', async () => {
    const mirror = await registryWith('old');
    const mirrored = createRegistryClient({ mirrors: [mirror.url] });
    const first = async (): Promise<readonly string[]> => {
      for await (const page of mirrored.tags({ host: registry.host, path: 'app' }, { signal })) {
        return page;
      }
      return [];
    };
    try {
      expect(await first()).toEqual(['a', 'b']);
      registry.inject({ fault: { kind: 'status', status: 503 } });
      expect(await first()).toEqual(['old']);
      expect(listed(mirror)).toEqual([
        `/v2/app/tags/list?ns=${encodeURIComponent(registry.host)}&n=1000`,
      ]);
    } finally {
      await mirrored.close();
      await mirror.close();
    }
  });

  it('end with the reader, in the middle of a request', async () => {
    const stall = registry.inject({ skip: 1, fault: { kind: 'stall', afterBytes: 0 } });
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      const subscription = rxfer.tags(`${registry.host}/app`).subscribe((tag) => seen.push(tag));
      const poll = setInterval(() => {
        if (stall.hits === 0) return;
        clearInterval(poll);
        subscription.unsubscribe();
        resolve();
      }, 5);
    });
    expect(seen).toEqual(['a', 'b']);
  });
});

describe('the repositories of a registry', () => {
  it('come page by page, with the scope of the catalog', async () => {
    const auth = { kind: 'bearer' as const, username, password };
    const registry = await startRegistry({ auth, pageSize: 2 });
    try {
      for (const name of ['c', 'a/b', 'a']) registry.repository(name);
      const found$ = rxfer.catalog(registry.host).pipe(toArray());
      expect(await lastValueFrom(found$)).toEqual(['a', 'a/b', 'c']);
      const token = registry.requests.find(({ path }) => path.startsWith('/token'));
      expect(token?.path).toContain('scope=registry%3Acatalog%3A*');
    } finally {
      await registry.close();
    }
  });

  it.each([404, 405])('are an error with a hint where the registry answers %d', async (status) => {
    const registry = await startRegistry();
    registry.inject({ fault: { kind: 'status', status } });
    try {
      const catalog = firstValueFrom(rxfer.catalog(registry.host));
      await expect(catalog).rejects.toMatchObject({
        code: 'ERR_NO_CATALOG',
        host: registry.host,
        hint: expect.stringContaining('Docker Hub') as string,
      });
    } finally {
      await registry.close();
    }
  });
});

describeWithPeers(['docker-registry'], 'the listings of docker-registry', () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await startDockerRegistry();
    const image = await sampleImage({ layers: [] });
    for (const path of ['app', 'lib/one', 'lib/two']) {
      for (const tag of ['v1', 'v2', 'v3']) {
        await pushSample(client, `${registry.host}/${path}:${tag}`, image);
      }
    }
  });
  afterAll(() => registry.stop());

  it('are its tags, and its repositories in pages', async () => {
    expect(await tagsOf(registry.host, { pageSize: 2 })).toEqual(['v1', 'v2', 'v3']);
    const pages: (readonly string[])[] = [];
    for await (const page of client.repositories(registry.host, { signal, pageSize: 2 })) {
      pages.push(page);
    }
    expect(pages).toEqual([['app', 'lib/one'], ['lib/two']]);
    const nothing = lastValueFrom(rxfer.tags(`${registry.host}/no/such`));
    await expect(nothing).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  });
});
