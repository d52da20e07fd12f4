import { readdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import {
  filter,
  firstValueFrom,
  forkJoin,
  last,
  lastValueFrom,
  share,
  take,
  tap,
  toArray,
} from 'rxjs';
import {
  LayerDownloadManager,
  type ApplyEvent,
  type DownloadDescriptor,
  type DownloadEvent,
} from '../../src/distribution/index.js';
import { applyBlob, createMemoryStore, type LayerStore } from '../../src/layer/index.js';
import {
  chainIDsOf,
  shortDigest,
  type BlobRequest,
  type Descriptor,
  type DiffID,
} from '../../src/oci/index.js';
import { sampleImage, type SampleImage } from '../../src/testing/index.js';
import { DoNotRetry } from '../../src/transfer/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const noBase = { diffIDs: [] };
const options = { delay: () => 1 };

/** A descriptor of a sample's layer that notes how it is used. */
class SpyDescriptor implements DownloadDescriptor {
  readonly key: string;
  readonly id: string;
  readonly blob;
  declare readonly diffID?: DiffID;
  readonly requests: number[] = [];
  readonly registeredAs: string[] = [];
  closed = 0;
  /** Fails that many attempts, after half of what was asked for. */
  failures = 0;
  error: Error = new Error('the connection broke');
  hang = false;
  resumable = true;
  readonly #bytes: Buffer;

  constructor(image: SampleImage, index: number, known: 'diffID known' | 'diffID unknown') {
    this.blob = image.layers[index]!;
    this.key = this.blob.digest;
    this.id = shortDigest(this.blob.digest);
    this.#bytes = image.blobs.get(this.blob.digest)!;
    if (known === 'diffID known') this.diffID = image.diffIDs[index]!;
  }

  download({ offset, signal }: BlobRequest) {
    this.requests.push(offset);
    const begin = this.resumable ? offset : 0;
    const rest = this.#bytes.subarray(begin);
    const fails = this.failures-- > 0;
    const { error, hang } = this;
    async function* bytes(): AsyncGenerator<Buffer> {
      yield fails || hang ? rest.subarray(0, rest.length / 2) : rest;
      if (hang)
        await new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        );
      if (fails) throw error;
    }
    return Promise.resolve({
      stream: Readable.from(bytes()),
      offset: begin,
      resumable: this.resumable,
    });
  }

  registered(diffID: string): void {
    this.registeredAs.push(diffID);
  }

  close(): void {
    this.closed++;
  }
}

function describeAll(
  image: SampleImage,
  known: 'diffID known' | 'diffID unknown' = 'diffID known',
) {
  return image.layers.map((_, index) => new SpyDescriptor(image, index, known));
}

async function resultOf(events: Promise<DownloadEvent>) {
  const event = await events;
  if (event.kind !== 'result') throw new Error('no result');
  return event;
}

/** close() may come a little after the end, when the fetch is torn down. */
async function allClosed(descriptors: SpyDescriptor[]): Promise<void> {
  while (descriptors.some(({ closed }) => closed === 0)) await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(descriptors.map(({ closed }) => closed)).toEqual(descriptors.map(() => 1));
}

afterAll(removeTemporaryFolders);

let image: SampleImage;
let store: LayerStore;

beforeAll(async () => {
  image = await sampleImage({
    layers: ['a', 'b', 'c'].map((name) => [{ name, size: 200_000 }]),
  });
});
beforeEach(() => {
  store = createMemoryStore().layers;
});

describe('LayerDownloadManager', () => {
  it.each(['diffID known', 'diffID unknown'] as const)(
    'downloads layers and registers them bottom-up, %s',
    async (known) => {
      const layers = describeAll(image, known);
      const manager = new LayerDownloadManager({ linux: store }, options);
      const events = await lastValueFrom(manager.download(noBase, 'linux', layers).pipe(toArray()));
      const registered = events.filter((event) => event.kind === 'layer');
      expect(registered.map(({ index }) => index)).toEqual([0, 1, 2]);
      expect(registered.map(({ layer }) => layer.chainID)).toEqual(chainIDsOf(image.diffIDs));
      expect(events.at(-1)).toMatchObject({ kind: 'result', rootFS: { diffIDs: image.diffIDs } });
      expect(layers.map(({ registeredAs }) => registeredAs)).toEqual(
        image.diffIDs.map((id) => [id]),
      );
      await allClosed(layers);
    },
  );

  it('does not fetch the layers that are there already', async () => {
    const manager = new LayerDownloadManager({ linux: store }, options);
    const [first, second] = [describeAll(image), describeAll(image)];
    await lastValueFrom(manager.download(noBase, 'linux', first.slice(0, 2)));
    const events = await lastValueFrom(manager.download(noBase, 'linux', second).pipe(toArray()));
    expect(second.map(({ requests }) => requests)).toEqual([[], [], [0]]);
    const statuses = events.flatMap((event) => (event.kind === 'layer' ? event.status : []));
    expect(statuses).toEqual(['exists', 'exists', 'pulled']);
    await allClosed(second);
  });

  it('builds on a base that is there, and refuses one that is not', async () => {
    const manager = new LayerDownloadManager({ linux: store }, options);
    const layers = describeAll(image);
    const base = { diffIDs: image.diffIDs.slice(0, 1) };
    await expect(
      lastValueFrom(manager.download(base, 'linux', layers.slice(1))),
    ).rejects.toMatchObject({ code: 'ERR_MISSING_LAYER' });
    await lastValueFrom(manager.download(noBase, 'linux', layers.slice(0, 1)));
    const { rootFS } = await resultOf(
      lastValueFrom(manager.download(base, 'linux', describeAll(image).slice(1))),
    );
    expect(rootFS.diffIDs).toEqual(image.diffIDs);
  });

  it('shares a fetch among downloads, and goes on for one when the other leaves', async () => {
    const manager = new LayerDownloadManager({ linux: store }, options);
    const [first, second] = [describeAll(image), describeAll(image)];
    const leaving$ = manager.download(noBase, 'linux', first).pipe(
      filter((event) => event.kind === 'progress' && event.progress.phase === 'Downloading'),
      take(1),
    );
    await lastValueFrom(
      forkJoin([leaving$, manager.download(noBase, 'linux', second).pipe(last())]),
    );
    expect(second.flatMap(({ requests }) => requests)).toEqual([]);
    expect(first.map(({ requests }) => requests)).toEqual([[0], [0], [0]]);
    await allClosed(first);
    await allClosed(second);
  });

  it('cancels a download whose last watcher leaves, and closes its descriptors', async () => {
    const manager = new LayerDownloadManager({ linux: store }, options);
    const layers = describeAll(image);
    for (const layer of layers) layer.hang = true;
    await firstValueFrom(
      manager
        .download(noBase, 'linux', layers)
        .pipe(filter((event) => event.kind === 'progress' && (event.progress.current ?? 0) > 0)),
    );
    await allClosed(layers);
    const again = describeAll(image);
    await lastValueFrom(manager.download(noBase, 'linux', again));
    await allClosed(again);
  });

  it('resumes where an attempt broke off, and counts down before', async () => {
    const manager = new LayerDownloadManager({ linux: store }, { delay: () => 20 });
    const [layer] = describeAll(image);
    layer!.failures = 2;
    const events = await lastValueFrom(manager.download(noBase, 'linux', [layer!]).pipe(toArray()));
    const size = layer!.blob.size;
    const half = Math.floor(size / 2);
    expect(layer!.requests).toEqual([0, half, half + Math.floor((size - half) / 2)]);
    expect(events).toContainEqual({
      kind: 'progress',
      id: layer!.id,
      progress: { phase: 'Retrying', retryIn: 1 },
    });
  });

  it('skips what it has when the source begins anew', async () => {
    const manager = new LayerDownloadManager({ linux: store }, options);
    const [layer] = describeAll(image);
    layer!.failures = 1;
    layer!.resumable = false;
    const { bytes } = await resultOf(lastValueFrom(manager.download(noBase, 'linux', [layer!])));
    expect(layer!.requests).toEqual([0, Math.floor(layer!.blob.size / 2)]);
    expect(bytes).toBe(layer!.blob.size);
  });

  it('gives up after maxAttempts that got nowhere', async () => {
    const manager = new LayerDownloadManager({ linux: store }, { ...options, maxAttempts: 3 });
    const [layer] = describeAll(image);
    layer!.failures = 99;
    layer!.resumable = false;
    await expect(lastValueFrom(manager.download(noBase, 'linux', [layer!]))).rejects.toThrow(
      'the connection broke',
    );
    expect(layer!.requests).toHaveLength(3);
    await allClosed([layer!]);
  });

  it('does not retry a DoNotRetry', async () => {
    const manager = new LayerDownloadManager({ linux: store }, options);
    const [layer] = describeAll(image);
    layer!.failures = 99;
    layer!.error = new DoNotRetry(new Error('denied'));
    await expect(lastValueFrom(manager.download(noBase, 'linux', [layer!]))).rejects.toThrow(
      'denied',
    );
    expect(layer!.requests).toHaveLength(1);
  });

  it('refuses a layer that unpacks to another diffID', async () => {
    const manager = new LayerDownloadManager({ linux: store }, options);
    const [layer] = describeAll(image);
    const wrong = Object.assign(layer!, { diffID: image.diffIDs[1]! });
    await expect(lastValueFrom(manager.download(noBase, 'linux', [wrong]))).rejects.toMatchObject({
      code: 'ERR_DIFF_ID_MISMATCH',
    });
    await allClosed([layer!]);
  });

  it('gives its slot to the next as soon as the last byte is there', async () => {
    const manager = new LayerDownloadManager({ linux: store }, { ...options, concurrency: 1 });
    const layers = describeAll(image);
    const events = await lastValueFrom(manager.download(noBase, 'linux', layers).pipe(toArray()));
    const phases = events.flatMap((event) =>
      event.kind === 'progress' ? [`${event.id} ${event.progress.phase}`] : [],
    );
    const [first, second] = layers;
    expect(phases.indexOf(`${second!.id} Downloading`)).toBeLessThan(
      phases.indexOf(`${first!.id} Pull complete`),
    );
    expect(phases.lastIndexOf(`${first!.id} Downloading`)).toBeLessThan(
      phases.indexOf(`${second!.id} Downloading`),
    );
  });

  it('knows only the operating systems that it has stores for', async () => {
    const manager = new LayerDownloadManager({ linux: store }, options);
    await expect(lastValueFrom(manager.download(noBase, 'plan9', []))).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED_OS',
    });
  });

  it('completes with an empty image', async () => {
    const manager = new LayerDownloadManager({ linux: store }, options);
    const events = await lastValueFrom(manager.download(noBase, 'linux', []).pipe(toArray()));
    expect(events).toMatchObject([{ kind: 'result', rootFS: { diffIDs: [] }, bytes: 0 }]);
  });
});

describe('LayerDownloadManager.apply', () => {
  const ontoFolder = (folder: string) => (blob: Descriptor, signal: AbortSignal) =>
    applyBlob(blob, folder, {}, signal);

  it('unpacks one layer after the other, and closes each descriptor once', async () => {
    const layers = describeAll(image);
    const manager = new LayerDownloadManager({}, options);
    const folder = temporaryFolder();
    const busy = new Set<number>();
    const watching = manager.state$.subscribe(({ active }) => busy.add(active));
    const there: string[][] = [];
    const events = await lastValueFrom(
      manager.apply(layers, ontoFolder(folder)).pipe(
        tap(({ kind }) => kind === 'layer' && there.push(readdirSync(folder))),
        toArray(),
      ),
    );
    watching.unsubscribe();
    expect(events.flatMap((event) => (event.kind === 'layer' ? event.index : []))).toEqual([
      0, 1, 2,
    ]);
    expect(there).toEqual([['a'], ['a', 'b'], ['a', 'b', 'c']]);
    // The one whose turn it is, and the one that has been asked for.
    expect(Math.max(...busy)).toBe(2);
    await allClosed(layers);
  });

  it('has the next layer answered while the one below lacks little, and does not unpack it', async () => {
    const layers = describeAll(image);
    layers[0]!.hang = true;
    const manager = new LayerDownloadManager({}, options);
    const folder = temporaryFolder();
    const applying = manager.apply(layers, ontoFolder(folder)).subscribe();
    while (layers[1]!.requests.length === 0) await new Promise(setImmediate);
    await setTimeout(20);
    expect(readdirSync(folder)).toEqual(['a']);
    applying.unsubscribe();
    await allClosed(layers);
    expect(layers.map(({ requests }) => requests)).toEqual([[0], [0], []]);
  });

  it('asks again for a layer whose body failed before its turn', async () => {
    const layers = describeAll(image);
    const manager = new LayerDownloadManager({}, options);
    const download = layers[1]!.download.bind(layers[1]);
    let failures = 1;
    jest.spyOn(layers[1]!, 'download').mockImplementation(async (request) => {
      const body = await download(request);
      if (failures-- > 0) body.stream.destroy(new Error('the connection broke'));
      return body;
    });
    const folder = temporaryFolder();
    const below = layers[0]!.download.bind(layers[0]);
    jest.spyOn(layers[0]!, 'download').mockImplementation(async (request) => {
      while (layers[1]!.requests.length === 0) await setTimeout(5);
      return below(request);
    });
    await lastValueFrom(manager.apply(layers, ontoFolder(folder)));
    expect(readdirSync(folder)).toEqual(['a', 'b', 'c']);
    expect(layers.map(({ requests }) => requests)).toEqual([[0], [0, 0], [0]]);
    await allClosed(layers);
  });

  it('waits for a slot as every transfer does, and takes it once a layer', async () => {
    const manager = new LayerDownloadManager({ linux: store }, { ...options, concurrency: 1 });
    const [hanging, ...others] = describeAll(image);
    hanging!.hang = true;
    const pull = manager.download(noBase, 'linux', [hanging!]).subscribe();
    const folder = temporaryFolder();
    const applied = lastValueFrom(manager.apply(others, ontoFolder(folder)).pipe(toArray()));
    await firstValueFrom(manager.state$.pipe(filter(({ waiting }) => waiting === 1)));
    expect(others.flatMap(({ requests }) => requests)).toEqual([]);
    pull.unsubscribe();
    expect((await applied).filter(({ kind }) => kind === 'layer')).toHaveLength(2);
    await allClosed(others);
  });

  it.each([1, 3])('shares %i slots with others of its kind', async (concurrency) => {
    const manager = new LayerDownloadManager({}, { ...options, concurrency });
    const all = [1, 2, 3, 4].map(() => ({ layers: describeAll(image), folder: temporaryFolder() }));
    const applied = all.map(({ layers, folder }) =>
      lastValueFrom(manager.apply(layers, ontoFolder(folder))),
    );
    await Promise.all(applied);
    for (const { layers, folder } of all) {
      expect(readdirSync(folder)).toEqual(['a', 'b', 'c']);
      await allClosed(layers);
    }
  });

  it('goes on with a layer that broke off', async () => {
    const layers = describeAll(image);
    layers[1]!.failures = 1;
    const manager = new LayerDownloadManager({}, options);
    await lastValueFrom(manager.apply(layers, ontoFolder(temporaryFolder())));
    expect(layers.map(({ requests }) => requests.length)).toEqual([1, 2, 1]);
    expect(layers[1]!.requests[1]).toBeGreaterThan(0);
    await allClosed(layers);
  });

  it('asks for no layer while those below lack much, and closes the descriptors of all', async () => {
    const sizes = [12_000_000, 10, 10];
    const large = await sampleImage({ layers: sizes.map((size) => [{ name: `${size}`, size }]) });
    const layers = describeAll(large);
    layers[0]!.hang = true;
    const manager = new LayerDownloadManager({}, options);
    const isMoving = (event: ApplyEvent): boolean =>
      event.kind === 'progress' && (event.progress.current ?? 0) > 0;
    const apply$ = manager.apply(layers, ontoFolder(temporaryFolder())).pipe(share());
    const applying = apply$.subscribe();
    await firstValueFrom(apply$.pipe(filter(isMoving)));
    await setTimeout(20);
    expect(layers.slice(1).flatMap(({ requests }) => requests)).toEqual([]);
    applying.unsubscribe();
    await allClosed(layers);
  });

  it('completes with an image of no layers', async () => {
    const manager = new LayerDownloadManager({}, options);
    const apply$ = manager.apply([], ontoFolder(temporaryFolder()));
    expect(await lastValueFrom(apply$.pipe(toArray()))).toEqual([]);
  });
});
