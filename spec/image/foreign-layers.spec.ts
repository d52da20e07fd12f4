import { inspect } from 'node:util';
import { lastValueFrom } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  type ForeignLayers,
  type RegistryClient,
  type Rxfer,
  type Store,
} from '../../src/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { cli, startCli } from '../support/cli.js';
import { sampleReferrer } from '../support/sample-referrer.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { withForeignLayer } from '../support/sample-foreign.js';

const login = { username: 'ali', password: 'open sesame' };
let registry: TestRegistry;
let elsewhere: TestRegistry;
let client: RegistryClient;
let store: Store;
let rxfer: Rxfer;
let whole: SampleImage;

beforeAll(async () => {
  const layers = [[{ name: 'base', size: 50_000 }], [{ name: 'app', size: 100 }]];
  whole = await sampleImage({ layers });
});
beforeEach(async () => {
  registry = await startRegistry({ auth: { kind: 'basic', ...login } });
  elsewhere = await startRegistry();
  elsewhere.repository('far').blobs.set(layer().digest, whole.blobs.get(layer().digest)!);
  client = createRegistryClient({
    credentials: () => Promise.resolve({ kind: 'basic', ...login }),
  });
  store = createMemoryStore();
  rxfer = createRxfer({ store, registry: client, delay: () => 1 });
});
afterEach(async () => {
  await client.close();
  await registry.close();
  await elsewhere.close();
});
afterAll(removeTemporaryFolders);

const layer = () => whole.layers[0]!;
const name = (rest = 'app:v1') => `${registry.host}/${rest}`;
const url = (query = '') => `${elsewhere.url}/v2/far/blobs/${layer().digest}${query}`;
const gets = () => elsewhere.requests.filter(({ method }) => method === 'GET');

function add(...urls: readonly string[]): SampleImage {
  const image = withForeignLayer(whole, urls);
  registry.addImage('app', 'v1', image);
  return image;
}

async function pull(foreignLayers?: ForeignLayers): Promise<void> {
  const options = foreignLayers === undefined ? {} : { foreignLayers };
  const event = await lastValueFrom(rxfer.pull(name(), options));
  if (event.kind !== 'result') throw new Error('no result');
  event.release();
  expect(event.image.diffIDs).toEqual(whole.diffIDs);
}

describe('foreign layers', () => {
  it('are refused unless asked for, and nobody is asked', async () => {
    add(url());
    await expect(pull()).rejects.toMatchObject({
      code: 'ERR_FOREIGN_LAYER',
      digest: layer().digest,
    });
    expect(elsewhere.requests).toEqual([]);
  });

  it('come from their urls, where no credentials are shown, even if they are asked for', async () => {
    const { host } = new URL(elsewhere.url);
    add(`http://eve:secret@${host}/v2/far/blobs/${layer().digest}?key=1#part`);
    await pull('fetch');
    expect(gets()).toHaveLength(1);
    const [{ path, authorization, headers }] = gets() as [(typeof elsewhere.requests)[0]];
    expect(path).toBe(`/v2/far/blobs/${layer().digest}?key=1`);
    expect(authorization).toBeUndefined();
    expect(Object.keys(headers).sort()).toEqual([
      'accept-encoding',
      'connection',
      'host',
      'user-agent',
    ]);
  });

  it('fail where their host wants to know who asks, and no error tells a signature', async () => {
    const guarded = await startRegistry({ auth: { kind: 'basic', ...login } });
    try {
      add(`${guarded.url}/v2/far/blobs/${layer().digest}?signature=0123456789abcdef`);
      const error: unknown = await pull('fetch').then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ failures: [{ status: 404 }, { code: 'ERR_UNAUTHORIZED' }] });
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain('0123456789abcdef');
      expect(guarded.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    } finally {
      await guarded.close();
    }
  });

  it('come from the registry where it has them', async () => {
    add(url());
    registry.repository('app').blobs.set(layer().digest, whole.blobs.get(layer().digest)!);
    await pull('fetch');
    expect(elsewhere.requests).toEqual([]);
  });

  it('come from the next url where one breaks off, at that byte', async () => {
    add('ftp://127.0.0.1/layer', 'no url', url('?first'), url('?second'));
    elsewhere.inject({ times: 1, fault: { kind: 'truncate', afterBytes: 20_000 } });
    await pull('fetch');
    expect(gets().map(({ path, range }) => [path.split('?')[1], range])).toEqual([
      ['first', undefined],
      ['second', expect.stringMatching(/^bytes=\d+-$/)],
    ]);
  });

  it('come from the next url where one has other bytes', async () => {
    add(url('?first'), url('?second'));
    elsewhere.inject({ times: 1, fault: { kind: 'corrupt', offset: 9 } });
    await pull('fetch');
    expect(gets().map(({ path }) => path.split('?')[1])).toEqual(['first', 'second']);
  });

  it('are not taken where all have other bytes', async () => {
    add(url());
    elsewhere.inject({ fault: { kind: 'corrupt', offset: 9 } });
    await expect(pull('fetch')).rejects.toMatchObject({ code: 'ERR_DIGEST_MISMATCH' });
    expect(await store.images.list()).toEqual([]);
  });

  it.each(['ftp://127.0.0.1/layer', 'file:///etc/passwd', 'nowhere'])(
    'are not looked for at %s',
    async (address) => {
      add(address);
      await expect(pull('fetch')).rejects.toMatchObject({
        code: 'ERR_FOREIGN_ADDRESS',
        digest: layer().digest,
      });
      await expect(pull('fetch')).rejects.toThrow(/none of its urls can be asked/);
    },
  );

  it('follow redirects, but not to another scheme', async () => {
    add(url('?old'));
    const location = `${elsewhere.url}/v2/far/blobs/${layer().digest}?new`;
    const to = (target: string) =>
      ({ kind: 'status', status: 302, headers: { location: target } }) as const;
    elsewhere.inject({ times: 1, fault: to('ftp://127.0.0.1/layer') });
    elsewhere.inject({ skip: 1, times: 1, fault: to(location) });
    await expect(pull('fetch')).rejects.toMatchObject({
      failures: [{ status: 404 }, { code: 'ERR_INSECURE_ADDRESS' }],
    });
    await pull('fetch');
    expect(gets().map(({ path }) => path.split('?')[1])).toEqual(['old', 'old', 'new']);
  });

  it('are left out of what is pushed, or pushed, as is said', async () => {
    const image = add(url());
    await pull('fetch');
    const copies = { fetch: false, push: true };
    for (const [foreignLayers, isThere] of Object.entries(copies)) {
      const options = { foreignLayers: foreignLayers as ForeignLayers };
      await lastValueFrom(
        rxfer.push(name(`${foreignLayers}ed:v1`), { source: name(), ...options }),
      );
      await lastValueFrom(rxfer.copy(name(), name(`${foreignLayers}-copied:v1`), options));
      for (const repository of [`${foreignLayers}ed`, `${foreignLayers}-copied`]) {
        const content = registry.repository(repository);
        expect(content.tags.get('v1')).toBe(image.descriptor.digest);
        expect(content.blobs.has(layer().digest)).toBe(isThere);
      }
    }
  });
});

describe('urls of what is no layer', () => {
  it('are not asked for a configuration', async () => {
    const artifact = sampleReferrer(whole.descriptor, 'a/signature', 'x');
    const [manifest] = artifact.manifests.values();
    const document = JSON.parse(manifest!.bytes.toString()) as { config: { digest: string } };
    Object.assign(document.config, { urls: [`${elsewhere.url}/v2/far/blobs/x`] });
    const bytes = Buffer.from(JSON.stringify(document));
    const content = registry.repository('bad');
    content.put('v1', { mediaType: manifest!.mediaType, bytes });
    const copy$ = rxfer.copy(name('bad:v1'), name('other:v1'));
    await expect(lastValueFrom(copy$)).rejects.toMatchObject({ status: 404 });
    expect(elsewhere.requests).toEqual([]);
  });
});

describe('rxfer pull --allow-foreign-layers', () => {
  it('takes them, and rxfer copy pushes them where told to', async () => {
    const image = add(url());
    const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    const environment = {
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }),
    };
    const options = ['--store', temporaryFolder(), '--progress', 'none'];
    const run = (...args: string[]) => startCli([...args, ...options], environment).outcome;
    const refused = await run('pull', name());
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('--allow-foreign-layers');
    expect(await run('pull', name(), '--allow-foreign-layers')).toMatchObject({
      code: 0,
      stderr: '',
    });
    const unpushed = await run('push', name('pushed:v1'), name());
    expect(unpushed.code).toBe(1);
    expect(unpushed.stderr).toContain('--allow-foreign-layers push');
    const copied = await run('copy', name(), name('copied:v1'), '--allow-foreign-layers', 'push');
    expect(copied).toMatchObject({ code: 0, stderr: '' });
    const content = registry.repository('copied');
    expect(content.tags.get('v1')).toBe(image.descriptor.digest);
    expect(content.blobs.has(layer().digest)).toBe(true);
    expect(gets().every(({ authorization }) => authorization === undefined)).toBe(true);
    const wrong = await cli('pull', '--allow-foreign-layers', 'all', name());
    expect(wrong).toMatchObject({ code: 2 });
  }, 60_000);
});
