import { setTimeout as delay } from 'node:timers/promises';
import { lastValueFrom } from 'rxjs';
import { createRegistryClient, createRxfer, openDiskStore } from '../../src/index.js';
import type { Descriptor } from '../../src/oci/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import { PullingProcess } from '../support/pulling-process.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const collecting = Number(process.env['RXFER_GC_SECONDS'] ?? 30) * 1000;
const client = createRegistryClient();
let program: ChildProgram;
let registry: TestRegistry;
let images: Record<'one' | 'two', SampleImage>;
let shared: Descriptor[];

beforeAll(async () => {
  program = compileChildProgram('pulling');
  const layer = (name: string): { name: string; size: number }[] => [{ name, size: 400_000 }];
  images = {
    one: await sampleImage({ layers: ['base', 'middle', 'one'].map(layer) }),
    two: await sampleImage({ layers: ['base', 'two', 'middle'].map(layer) }),
  };
  const all = [...images.one.layers, ...images.two.layers];
  shared = [...new Map(all.map((each) => [each.digest, each])).values()];
});
beforeEach(async () => {
  registry = await startRegistry();
  for (const [name, image] of Object.entries(images)) registry.addImage(name, 'v1', image);
});
afterEach(() => registry.close());
afterAll(async () => {
  await client.close();
  program.remove();
  removeTemporaryFolders();
});

const nameOf = (name: string): string => `${registry.host}/${name}:v1`;

function slowBlobs(): void {
  const match = { method: 'GET', path: /\/blobs\// };
  registry.inject({ match, fault: { kind: 'rate', bytesPerSecond: 400_000 } });
}

describe('several processes on one store', () => {
  it('bring each blob over the wire once', async () => {
    slowBlobs();
    const folder = temporaryFolder();
    const children = Array.from({ length: 4 }, () => new PullingProcess(program.file));
    await Promise.all(
      children.map((child, index) => child.pull(folder, nameOf(index % 2 === 0 ? 'one' : 'two'))),
    );
    const outcomes = await Promise.all(children.map((child) => child.outcome()));
    expect(outcomes).toEqual(children.map(() => ({ kind: 'result' })));
    const blobs = new Map([...images.one.blobs, ...images.two.blobs]);
    expect(blobs.size).toBe(shared.length + 2);
    for (const [digest, { length }] of blobs) {
      expect([digest, registry.bytesServed(digest)]).toEqual([digest, length]);
    }
    const { damages, checked } = await (await openDiskStore(folder)).verify();
    expect(damages).toEqual([]);
    expect(checked).toMatchObject({ images: 2, layers: 5 });
  }, 240_000);

  it('go on with what a killed one has begun', async () => {
    slowBlobs();
    const folder = temporaryFolder();
    const first = new PullingProcess(program.file);
    await first.pull(folder, nameOf('one'));
    await first.told('Downloading');
    const others = Array.from({ length: 3 }, () => new PullingProcess(program.file));
    await Promise.all(others.map((child) => child.pull(folder, nameOf('one'))));
    await Promise.all(others.map((child) => child.told('resolved')));
    await first.kill();
    const outcomes = await Promise.all(others.map((child) => child.outcome()));
    expect(outcomes).toEqual(others.map(() => ({ kind: 'result' })));
    // Of each blob one request of the first at most, and one of another.
    for (const { digest } of images.one.layers) {
      const requests = registry.requests.filter(({ path }) => path.endsWith(digest));
      expect(requests.length).toBeLessThanOrEqual(2);
    }
    expect((await (await openDiskStore(folder)).verify()).damages).toEqual([]);
  }, 240_000);
});

describe('collection while others pull', () => {
  it(
    `takes nothing that they need, for ${collecting / 1000} s`,
    async () => {
      const folder = temporaryFolder();
      const end = performance.now() + collecting;
      const counts = { pulls: 0, collections: 0, removed: 0 };
      const collect = async (): Promise<void> => {
        const store = await openDiskStore(folder);
        while (performance.now() < end) {
          counts.removed += (await store.collect()).layers.length;
          counts.collections++;
          await delay(5);
        }
      };
      await Promise.all([
        collect(),
        pullAndRemove(folder, 'one', end, counts),
        pullAndRemove(folder, 'two', end, counts),
        pullByProcesses(folder, end, counts),
      ]);
      console.log(JSON.stringify(counts));
      expect(counts.pulls).toBeGreaterThan(2);
      expect(counts.removed).toBeGreaterThan(0);
      const store = await openDiskStore(folder);
      expect((await store.verify()).damages).toEqual([]);
      for (const { reference } of await store.images.list()) await store.images.delete(reference);
      await store.collect();
      expect((await store.verify()).checked).toEqual({ blobs: 0, layers: 0, images: 0 });
    },
    collecting + 300_000,
  );

  /** Pulls, takes the name away, sees that all is still there while it is leased, gives it up. */
  async function pullAndRemove(
    folder: string,
    name: 'one' | 'two',
    end: number,
    counts: { pulls: number; collections: number },
  ): Promise<void> {
    const store = await openDiskStore(folder);
    const rxfer = createRxfer({ store, registry: client });
    while (performance.now() < end) {
      const event = await lastValueFrom(rxfer.pull(nameOf(name)));
      if (event.kind !== 'result') throw new Error('no result');
      await store.images.delete(nameOf(name));
      const until = counts.collections + 2;
      while (counts.collections < until && performance.now() < end) await delay(5);
      for (const chainID of event.image.chainIDs) {
        const lease = await store.layers.acquire(chainID);
        expect(lease?.layer.chainID).toBe(chainID);
        lease?.release();
      }
      for (const { digest, size } of event.image.layers) {
        expect(await store.blobs.size(digest)).toBe(size);
      }
      event.release();
      counts.pulls++;
    }
  }

  async function pullByProcesses(
    folder: string,
    end: number,
    counts: { pulls: number },
  ): Promise<void> {
    while (performance.now() < end) {
      const child = new PullingProcess(program.file);
      await child.pull(folder, nameOf('two'));
      expect(await child.outcome()).toEqual({ kind: 'result' });
      counts.pulls++;
    }
  }
});
