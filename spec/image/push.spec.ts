import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  type CopyEvent,
  type Rxfer,
} from '../../src/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleEntry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { writeSampleLayout } from '../support/sample-layout.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const data = (name: string, size = 1000): SampleEntry[] => [{ name, size }];

let registry: TestRegistry;
let rxfer: Rxfer;
const client = createRegistryClient();

async function start(...[options]: Parameters<typeof startRegistry>): Promise<void> {
  registry = await startRegistry(options);
  const store = createMemoryStore();
  rxfer = createRxfer({ store, registry: client, delay: () => 1, maxAttempts: 2 });
}
afterEach(() => registry.close());
afterAll(async () => {
  await client.close();
  removeTemporaryFolders();
});

/** Brings an image into the store under a name of no registry. */
async function keep(image: SampleImage, name = 'local/app:v1'): Promise<void> {
  const folder = join(temporaryFolder(), 'layout');
  writeSampleLayout(folder, 'v1', image);
  await lastValueFrom(rxfer.copy(`oci:${folder}:v1`, `store:${name}`));
}

async function push(name: string, source = 'local/app:v1'): Promise<CopyEvent[]> {
  return lastValueFrom(rxfer.push(`${registry.host}/${name}`, { source }).pipe(toArray()));
}

const phasesOf = (events: CopyEvent[]): Set<string> =>
  new Set(events.flatMap((event) => (event.kind === 'progress' ? event.progress.phase : [])));

const uploads = /\/blobs\/uploads\//;

it('resumes as often as it gets on, whatever the number of attempts', async () => {
  await start();
  const image = await sampleImage({ layers: [data('a', 1_000_000)], compression: 'none' });
  await keep(image);
  for (const method of ['PUT', 'PATCH']) {
    registry.inject({
      match: { method, path: uploads },
      times: method === 'PUT' ? 1 : 3,
      fault: { kind: 'reset', afterBytes: 200_000 },
    });
  }
  const events = await push('app:v1');
  expect(registry.repository('app').tags.get('v1')).toBe(image.descriptor.digest);
  const [size] = image.layers.map((layer) => layer.size);
  const layerUploads = registry.requests.filter(
    ({ method, path }) => /PUT|PATCH/.test(method) && path.includes('/blobs/uploads/'),
  );
  const sent = layerUploads.map(({ received }) => received);
  expect(sent.slice(0, 4)).toEqual([200_000, 200_000, 200_000, 200_000]);
  expect(sent.slice(0, 5).reduce((sum, each) => sum + each, 0)).toBe(size);
  expect(phasesOf(events)).toContain('Retrying');
  expect(events.at(-1)).toMatchObject({ kind: 'result', bytes: size });
});

it('gives up when attempts get nowhere', async () => {
  await start({ without: ['uploadStatus'] });
  await keep(await sampleImage({ layers: [data('a', 1_000_000)], compression: 'none' }));
  const broken = registry.inject({
    match: { method: 'PUT', path: uploads },
    fault: { kind: 'reset', afterBytes: 200_000 },
  });
  await expect(push('app:v1')).rejects.toMatchObject({ code: 'ERR_CONNECTION' });
  expect(broken.hits).toBe(2);
});

it('puts the manifest last, after what it points at', async () => {
  await start();
  await keep(await sampleImage({ layers: [data('a'), data('b')] }));
  await push('app:v1');
  const written = registry.requests.filter(({ status }) => status === 201);
  expect(written.map(({ path }) => path.includes('/manifests/'))).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

describe('mounts', () => {
  const shared = data('shared');

  it('what another image of the store is known to have on that registry', async () => {
    await start({ without: ['automaticMount'] });
    const other = await sampleImage({ layers: [shared, data('other')] });
    registry.addImage('team/other', 'v1', other);
    await lastValueFrom(rxfer.pull(`${registry.host}/team/other:v1`));
    await keep(await sampleImage({ layers: [shared, data('own')] }));
    const phases = phasesOf(await push('app:v1'));
    expect(phases).toContain('Mounted from team/other');
    const asked = registry.requests.filter(({ path }) => path.includes('from='));
    expect(asked).toHaveLength(1);
  });

  it('from no repository that it is pushed to, and from few others', async () => {
    await start({ without: ['automaticMount'] });
    const image = await sampleImage({ layers: [shared] });
    for (const name of ['app', 'b', 'c', 'd', 'e']) {
      registry.addImage(name, 'v1', image);
      await lastValueFrom(rxfer.pull(`${registry.host}/${name}:v1`));
      registry.repository(name).blobs.delete(image.layers[0]!.digest);
    }
    await keep(image);
    const phases = phasesOf(await push('app:v2'));
    expect(phases).toContain('Pushed');
    const asked = registry.requests.filter(({ path }) => path.includes('from='));
    expect(asked.map(({ path }) => /from=(.*)$/.exec(path)?.[1])).toEqual(['b', 'c', 'd']);
    // The first mount that failed has opened the upload; the others were cancelled.
    const begun = registry.requests.filter(({ method }) => method === 'POST');
    const ended = registry.requests.filter(({ method }) => method === 'DELETE');
    expect([begun.length, ended.length]).toEqual([3, 2]);
  });

  it('what the registry finds by itself', async () => {
    await start();
    const other = await sampleImage({ layers: [shared] });
    registry.addImage('team/other', 'v1', other);
    await keep(await sampleImage({ layers: [shared, data('own')] }));
    const phases = phasesOf(await push('app:v1'));
    expect(phases).toContain('Mounted from another repository');
  });
});

it('asks once for the configuration that a copy brings along', async () => {
  await start();
  const image = await sampleImage({ layers: [data('a')] });
  registry.addImage('app', 'v1', image);
  const layers = image.layers.map(({ digest }) => digest);
  const [config] = [...image.blobs.keys()].filter((digest) => !layers.includes(digest));
  const copies = [`oci:${temporaryFolder()}:v1`, `${registry.host}/other:v1`];
  for (const [index, destination] of copies.entries()) {
    await lastValueFrom(rxfer.copy(`${registry.host}/app:v1`, destination));
    const asked = registry.requests.filter(
      ({ method, path }) => method === 'GET' && path === `/v2/app/blobs/${config}`,
    );
    expect(asked).toHaveLength(index + 1);
  }
});
