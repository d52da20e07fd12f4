import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lastValueFrom } from 'rxjs';
import { createRegistryClient, createRxfer, openDiskStore } from '../../src/index.js';
import { digestHex, type Descriptor } from '../../src/oci/index.js';
import {
  sampleImage,
  startRegistry,
  type LoggedRequest,
  type SampleEntry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import { PullingProcess } from '../support/pulling-process.js';
import { seededRandom } from '../support/random.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const kills = Number(process.env['RXFER_KILLS'] ?? 200);
const { random, seed } = seededRandom();
/** What a pull comes by, in this order; it is killed at random instants after each. */
const milestones = ['ready', 'resolved', 'Downloading', 'Extracting', 'layer'] as const;
/** Steps that every pull takes, from the folder that is there first to the last word on the disk. */
const everyStage = [
  'mkdir new',
  'sync new',
  'mkdir images',
  'rename rxfer-store.json.ID.tmp rxfer-store.json',
  // The session, and a blob's way.
  'symlink sessions/ID.lock',
  'symlink ingest/sha256-ID.lock',
  'mkdir sessions/ID/ID/diff',
  'sync ingest/sha256-ID',
  'rename ingest/sha256-ID blobs/sha256/ID',
  'sync blobs/sha256',
  // A layer's: the barrier, its record, and its registration.
  'sync sessions',
  'sync sessions/ID/ID/layer.json.ID.tmp',
  'rename sessions/ID/ID/layer.json.ID.tmp sessions/ID/ID/layer.json',
  'rename sessions/ID/ID layers/sha256/ID',
  'sync layers/sha256',
  // The documents' and the image's.
  'rename sessions/ID/ID.ID.tmp blobs/sha256/ID',
  'rename sessions/ID/ID.json.ID.tmp images/ID.json',
  'sync images',
];
// A killed process loses nothing of what it has written, synced or not: memory will do.
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let registry: TestRegistry;
let images: Record<'large' | 'small', SampleImage>;
let references: Record<'large' | 'small', string>;
let program: ChildProgram;
const client = createRegistryClient();

beforeAll(async () => {
  program = compileChildProgram('pulling');
  registry = await startRegistry();
  images = {
    large: await sampleImage({
      layers: [
        files('a', 60, 2000),
        files('b', 1, 500_000),
        files('c', 20, 2000),
        files('d', 1, 9),
      ],
    }),
    small: await sampleImage({ layers: [files('a', 2, 2000), files('b', 1, 50_000)] }),
  };
  for (const [name, image] of Object.entries(images)) registry.addImage(name, 'v1', image);
  references = { large: `${registry.host}/large:v1`, small: `${registry.host}/small:v1` };
});
afterAll(async () => {
  await client.close();
  await registry.close();
  program.remove();
  removeTemporaryFolders();
});

function files(name: string, count: number, size: number): SampleEntry[] {
  return Array.from({ length: count }, (_, index) => ({ name: `${name}/${index}`, size }));
}

it(`opens, is whole and goes on after each of ${kills} kills, seed ${seed}`, async () => {
  const lengths = await measure();
  const caught = new Map<string, number>();
  let next = new PullingProcess(program.file);
  for (let kill = 0; kill < kills; kill++) {
    const milestone = milestones[kill % milestones.length] ?? 'ready';
    const folder = mkdtempSync(join(place, 'rxfer-spec-killed-'));
    const child = next;
    await pullSlowly(child, folder, async () => {
      await child.told(milestone);
      // Twice as long after the last, so that the image's record is among what it comes by.
      const most = (lengths.get(milestone) ?? 0) * (milestone === 'layer' ? 2 : 1);
      await delay(random() * most);
      await child.kill();
    });
    // Starts while the rest is looked at.
    next = new PullingProcess(program.file);
    const { name: state } = stateOf(folder, images.large);
    caught.set(state, (caught.get(state) ?? 0) + 1);
    await checkStore(folder, images.large, `kill ${kill} after ${milestone}, ${state}`);
    rmSync(folder, { recursive: true, force: true });
  }
  await next.kill();
  console.log(`seed ${seed}, killed while: ${JSON.stringify(Object.fromEntries(caught))}`);
  // Stages that last long enough for any seed to hit them.
  if (kills >= 100) {
    expect([...caught.keys()]).toEqual(expect.arrayContaining(['downloading', 'registering']));
  }
}, 1_200_000);

it('opens, is whole and goes on after a kill before each step onto the disk', async () => {
  const log = join(temporaryFolder(), 'steps');
  // By their words: two layers' steps come in another order each time.
  const past: string[] = [];
  let next = new PullingProcess(program.file);
  let done = false;
  while (!done) {
    const within = mkdtempSync(join(place, 'rxfer-spec-killed-'));
    const folder = join(within, 'new', 'store');
    const child = next;
    rmSync(log, { force: true });
    await child.pull(folder, references.small, { log, within, past });
    done = await child.told('result');
    await child.end();
    next = new PullingProcess(program.file);
    const step = done ? 'nothing' : `${readFileSync(log, 'utf8').trimEnd().split('\n').at(-1)}`;
    await checkStore(folder, images.small, `killed before ${step}`);
    rmSync(within, { recursive: true, force: true });
    // A pull that fails takes no new step.
    expect(past).not.toContain(step);
    if (!done) past.push(step);
  }
  await next.kill();
  const killedBefore = past.map((step) => step.replace(/ #\d+$/, '').replaceAll('new/store/', ''));
  expect(killedBefore).toEqual(expect.arrayContaining(everyStage));
}, 1_200_000);

/** How long pulls take from each milestone to the next, in ms: the median of three. */
async function measure(): Promise<Map<string, number>> {
  const runs: number[][] = [];
  for (let run = 0; run < 3; run++) {
    const folder = mkdtempSync(join(place, 'rxfer-spec-killed-'));
    const child = new PullingProcess(program.file);
    const times: number[] = [];
    await pullSlowly(child, folder, async () => {
      for (const milestone of [...milestones, 'result']) {
        expect(await child.told(milestone)).toBe(true);
        times.push(performance.now());
      }
      await child.outcome();
    });
    runs.push(times.slice(1).map((time, index) => time - (times[index] ?? 0)));
    rmSync(folder, { recursive: true, force: true });
  }
  return new Map(
    milestones.map((milestone, index) => {
      const [, middle = 0] = runs.map((lengths) => lengths[index] ?? 0).sort((a, b) => a - b);
      return [milestone, middle];
    }),
  );
}

/** Pulls at a rate that leaves time to be killed in. */
async function pullSlowly(
  child: PullingProcess,
  folder: string,
  work: () => Promise<void>,
): Promise<void> {
  const slow = registry.inject({
    match: { method: 'GET', path: /\/blobs\// },
    fault: { kind: 'rate', bytesPerSecond: 3_000_000 },
  });
  try {
    await child.pull(folder, references.large);
    await work();
  } finally {
    slow.remove();
  }
}

interface State {
  readonly name: 'beginning' | 'downloading' | 'unpacking' | 'registering' | 'recording' | 'done';
  /** Bytes of each layer's blob that are there. */
  readonly offsets: readonly number[];
}

/** What a killed process has left, by its files. */
function stateOf(folder: string, image: SampleImage): State {
  const offsets = image.layers.map((layer) => offsetOf(folder, layer));
  const layers = namesIn(join(folder, 'layers', 'sha256')).length;
  if (namesIn(join(folder, 'images')).length > 0) return { name: 'done', offsets };
  if (layers === image.layers.length) return { name: 'recording', offsets };
  if (layers > 0) return { name: 'registering', offsets };
  if (offsets.every((offset, index) => offset === image.layers[index]?.size)) {
    return { name: 'unpacking', offsets };
  }
  return { name: offsets.some((offset) => offset > 0) ? 'downloading' : 'beginning', offsets };
}

function offsetOf(folder: string, { digest, size }: Descriptor): number {
  if (existsSync(join(folder, 'blobs', 'sha256', digestHex(digest)))) return size;
  const partial = join(folder, 'ingest', `sha256-${digestHex(digest)}`);
  return statSync(partial, { throwIfNoEntry: false })?.size ?? 0;
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** The store opens, nothing in it is wrong, and a pull fetches exactly what is missing. */
async function checkStore(folder: string, image: SampleImage, what: string): Promise<void> {
  const reference = image === images.large ? references.large : references.small;
  const { offsets } = stateOf(folder, image);
  const store = await openDiskStore(folder);
  expect({ what, left: readdirSync(join(folder, 'sessions')) }).toEqual({ what, left: [] });
  expect({ what, damages: (await store.verify()).damages }).toEqual({ what, damages: [] });
  const before = registry.requests.length;
  const result = await lastValueFrom(createRxfer({ store, registry: client }).pull(reference));
  if (result.kind === 'result') result.release();
  const requests = registry.requests.slice(before);
  expect({ what, fetched: image.layers.map((layer) => fetchesOf(layer, requests)) }).toEqual({
    what,
    fetched: image.layers.map(({ size }, index) => {
      const offset = offsets[index] ?? 0;
      if (offset === size) return [];
      return [{ range: offset === 0 ? undefined : `bytes=${offset}-`, bytes: size - offset }];
    }),
  });
  expect(namesIn(join(folder, 'layers', 'sha256'))).toHaveLength(image.layers.length);
  expect(await store.images.get(reference)).toMatchObject({
    manifest: { size: expect.any(Number) as unknown },
  });
}

function fetchesOf({ digest }: Descriptor, requests: readonly LoggedRequest[]): object[] {
  return requests
    .filter(({ path }) => path.endsWith(digest))
    .map(({ range, bytes }) => ({ range, bytes }));
}
