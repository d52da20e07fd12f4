import { Readable } from 'node:stream';
import { createMemoryStore, openDiskStore, type Store } from '../../src/layer/index.js';
import { UnpackTurns } from '../../src/layer/unpack-turns.js';
import { sampleImage, type SampleImage } from '../../src/testing/index.js';
import { describeStoreContract } from '../support/layer-store-contract.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const { signal } = new AbortController();

afterEach(() => jest.restoreAllMocks());
afterAll(removeTemporaryFolders);

describe('turns', () => {
  const taken = (turns: UnpackTurns, count: number) =>
    Array.from({ length: count }, () => turns.take());

  it('are four for layers that are still arriving, at once or not at all', () => {
    const turns = new UnpackTurns();
    const ends = taken(turns, 5);
    expect(ends.map((end) => end !== undefined)).toEqual([true, true, true, true, false]);
    ends[0]!();
    ends[0]!();
    expect(taken(turns, 2).map((end) => end !== undefined)).toEqual([true, false]);
  });

  it('are two others for those that are there, first come, first served', async () => {
    const turns = new UnpackTurns();
    taken(turns, 4);
    const order: number[] = [];
    const waiting = [1, 2, 3, 4].map(async (number) => {
      const end = await turns.wait(signal);
      order.push(number);
      return end;
    });
    const [first, second] = [await waiting[0]!, await waiting[1]!];
    await new Promise(setImmediate);
    expect(order).toEqual([1, 2]);
    first();
    first();
    await waiting[2];
    await new Promise(setImmediate);
    expect(order).toEqual([1, 2, 3]);
    second();
    await waiting[3];
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('are waited for until somebody has enough of it, who takes none then', async () => {
    const turns = new UnpackTurns();
    const ends = [await turns.wait(signal), await turns.wait(signal)];
    const leaving = new AbortController();
    const left = turns.wait(leaving.signal);
    const next = turns.wait(signal);
    leaving.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    ends.forEach((end) => end());
    (await next)();
    await expect(turns.wait(leaving.signal)).rejects.toThrow('enough');
    const free = [await turns.wait(signal), await turns.wait(signal)];
    expect(free).toHaveLength(2);
  });
});

const stores: [string, () => Promise<Store>][] = [
  ['in memory', () => Promise.resolve(createMemoryStore())],
  ['on disk', () => openDiskStore(temporaryFolder())],
];

describe.each(stores)('a store %s', (_, open) => {
  /** Has every so manieth chunk find a turn that is free. */
  const freeEach = (count: number): void => {
    let asked = 0;
    const take = jest.spyOn(UnpackTurns.prototype, 'take');
    take.mockImplementation(() => (++asked % count === 0 ? () => undefined : undefined));
  };

  describe('whose layers are unpacked once they are there', () => {
    beforeEach(() => freeEach(Infinity));
    describeStoreContract('passes the contract', open);
  });

  describe('whose layers find a turn in the middle', () => {
    beforeEach(() => freeEach(2));
    describeStoreContract('passes the contract', open);
  });

  it('begins with the first byte again where it was stopped while it read them', async () => {
    const image = await sampleImage({ layers: [[{ name: 'file', size: 300_000 }]] });
    const { layers } = await open();
    const [blob] = image.layers;
    const ingest = await layers.ingest(blob!, signal);
    const take = jest.spyOn(UnpackTurns.prototype, 'take').mockReturnValue(undefined);
    await send(ingest, image, 0, 0, 100_000);
    const stopping = new AbortController();
    take.mockImplementation(() => {
      stopping.abort(new Error('enough'));
      return () => undefined;
    });
    await expect(send(ingest, image, 0, 100_000, 200_000, stopping.signal)).rejects.toThrow();
    take.mockRestore();
    await send(ingest, image, 0, ingest.offset);
    const staged = await ingest.complete(signal);
    expect(staged.diffID).toBe(image.diffIDs[0]);
    await staged.discard();
    await ingest.close();
  });

  it('stops waiting for its turn when it is closed', async () => {
    const image = await sampleImage({ layers: [[{ name: 'file', size: 9 }]] });
    const { layers } = await open();
    jest.spyOn(UnpackTurns.prototype, 'take').mockReturnValue(undefined);
    const wait = jest.spyOn(UnpackTurns.prototype, 'wait').mockImplementation(
      (waiting) =>
        new Promise((_, reject) => {
          waiting.addEventListener('abort', () => reject(waiting.reason as Error));
        }),
    );
    const ingest = await layers.ingest(image.layers[0]!, signal);
    await send(ingest, image, 0, 0);
    const completed = ingest.complete(signal);
    const outcome = expect(completed).rejects.toMatchObject({ name: 'AbortError' });
    while (wait.mock.calls.length === 0) await new Promise(setImmediate);
    await ingest.close();
    await outcome;
  });

  it('unpacks the layers that came whole, whoever stays on the way', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const image = await sampleImage({ layers: names.map((name) => [{ name, size: 300_000 }]) });
    const { layers } = await open();
    const ingests = [];
    for (const blob of image.layers) ingests.push(await layers.ingest(blob, signal));
    for (const [index, ingest] of ingests.entries()) await send(ingest, image, index, 0, 100_000);
    for (const index of [5, 4]) {
      await send(ingests[index]!, image, index, 100_000);
      const staged = await ingests[index]!.complete(signal);
      expect(staged.diffID).toBe(image.diffIDs[index]);
      await staged.discard();
    }
    for (const ingest of ingests) await ingest.close();
  });
});

async function send(
  ingest: Awaited<ReturnType<Store['layers']['ingest']>>,
  { blobs, layers }: SampleImage,
  index: number,
  begin: number,
  end?: number,
  until = signal,
): Promise<void> {
  const bytes = blobs.get(layers[index]!.digest)!.subarray(begin, end);
  await ingest.append(Readable.from([bytes]), { signal: until });
}
