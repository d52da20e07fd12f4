import { Readable } from 'node:stream';
import { filter, firstValueFrom, lastValueFrom, Subject } from 'rxjs';
import { LayerDownloadManager, type DownloadDescriptor } from '../../src/distribution/index.js';
import { createMemoryStore } from '../../src/layer/index.js';
import { sampleImage } from '../../src/testing/index.js';

/** The layers of an image, whose requests are noted and answered once the gate has opened. */
async function layersOf(
  name: string,
  count: number,
  requests: string[],
  gate: Promise<unknown>,
): Promise<DownloadDescriptor[]> {
  const files = Array.from({ length: count }, (_, index) => `${name}${index}`);
  const image = await sampleImage({ layers: files.map((file) => [{ name: file, size: 10 }]) });
  return image.layers.map((blob, index) => ({
    key: blob.digest,
    id: files[index]!,
    blob,
    diffID: image.diffIDs[index]!,
    async download({ offset }) {
      requests.push(files[index]!);
      await gate;
      const stream = Readable.from([image.blobs.get(blob.digest)!.subarray(offset)]);
      return { stream, offset, resumable: true };
    },
    close: () => undefined,
  }));
}

describe('downloads take turns', () => {
  it('so that a pull of 60 layers does not starve one of 2 that comes after it', async () => {
    const requests: string[] = [];
    const opening$ = new Subject<void>();
    const gate = lastValueFrom(opening$, { defaultValue: undefined });
    const long = await layersOf('long', 60, requests, gate);
    const short = await layersOf('short', 2, requests, gate);
    const { layers } = createMemoryStore();
    const manager = new LayerDownloadManager({ linux: layers }, { concurrency: 1 });
    const inLine = (count: number) =>
      firstValueFrom(manager.state$.pipe(filter(({ waiting }) => waiting === count)));

    const longPull = lastValueFrom(manager.download({ diffIDs: [] }, 'linux', long));
    await inLine(59);
    const shortPull = lastValueFrom(manager.download({ diffIDs: [] }, 'linux', short));
    await inLine(61);
    opening$.complete();

    await Promise.all([shortPull, longPull]);
    // The short one's turns come after one of the long one's each.
    expect(requests.slice(0, 6)).toEqual(['long0', 'long1', 'short0', 'long2', 'short1', 'long3']);
    expect(requests).toHaveLength(62);
  });
});
