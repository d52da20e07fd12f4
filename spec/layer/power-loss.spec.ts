import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { createRegistryClient, createRxfer, openDiskStore } from '../../src/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { mountBtrfs } from '../support/btrfs.js';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import { isInstalled, unmountAll } from '../support/loop-mount.js';
import { PullingProcess } from '../support/pulling-process.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const client = createRegistryClient();
// What holds the disks: a clone of one is what is on it at that moment, without what the system
// has still in its memory.
const disks = isInstalled('mkfs.ext4', 'e2fsprogs', 'Losses of power need')
  ? mountBtrfs()
  : undefined;
let program: ChildProgram;
let registry: TestRegistry;
let image: SampleImage;
let reference: string;

beforeAll(async () => {
  program = compileChildProgram('pulling');
  registry = await startRegistry();
  image = await sampleImage({
    layers: ['a', 'b'].map((name) => [
      ...Array.from({ length: 5 }, (_, index) => ({ name: `${name}/${index}`, size: 3000 })),
      { name: `${name}/large`, size: 400_000 },
    ]),
  });
  registry.addImage('app', 'v1', image);
  reference = `${registry.host}/app:v1`;
});
afterAll(async () => {
  await client.close();
  await registry.close();
  program.remove();
  unmountAll();
  removeTemporaryFolders();
});

(disks === undefined ? it.skip : it)(
  'the store opens, is whole and goes on after a loss of power before each step onto the disk',
  async () => {
    const disk = newDisk();
    const log = join(temporaryFolder(), 'steps');
    const child = new PullingProcess(program.file);
    const before = `${disk}.before-`;
    const within = mounted(disk);
    await child.pull(join(within, 'store'), reference, {
      log,
      within,
      program: ['cp', '--reflink=always', disk, before],
    });
    expect(await child.outcome()).toEqual({ kind: 'result' });
    // At once: nothing may be left to be written when a pull is over.
    execFileSync('cp', ['--reflink=always', disk, `${disk}.after`]);
    const steps = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    expect(steps.length).toBeGreaterThan(30);
    for (const [index, step] of steps.entries()) {
      await checkAfterLoss(`${before}${index + 1}`, `before step ${index + 1}: ${step}`);
    }
    const { fetched, found } = await checkAfterLoss(`${disk}.after`, 'after the pull');
    expect([fetched, found]).toEqual([0, true]);
  },
  600_000,
);

/** The store on a disk as the loss left it is whole, and a pull makes it complete. */
async function checkAfterLoss(
  disk: string,
  what: string,
): Promise<{ fetched: number; found: boolean }> {
  const folder = mounted(disk);
  const store = await openDiskStore(join(folder, 'store'));
  expect({ what, damages: (await store.verify()).damages }).toEqual({ what, damages: [] });
  const found = (await store.images.get(reference)) !== undefined;
  const before = served();
  const result = await lastValueFrom(createRxfer({ store, registry: client }).pull(reference));
  if (result.kind === 'result') result.release();
  const fetched = served() - before;
  expect({ what, damages: (await store.verify()).damages }).toEqual({ what, damages: [] });
  expect(readdirSync(join(folder, 'store', 'layers', 'sha256'))).toHaveLength(image.layers.length);
  execFileSync('umount', [folder]);
  // Its blocks are needed for the next.
  rmSync(disk);
  return { fetched, found };
}

/** Bytes of layers. */
function served(): number {
  return image.layers.reduce((sum, { digest }) => sum + registry.bytesServed(digest), 0);
}

function newDisk(): string {
  const disk = join(disks ?? '', 'disk');
  writeFileSync(disk, '');
  truncateSync(disk, 24 * 1024 * 1024);
  execFileSync('mkfs.ext4', ['-q', disk], { stdio: 'pipe' });
  return disk;
}

function mounted(disk: string): string {
  const folder = `${disk}.mounted`;
  mkdirSync(folder);
  execFileSync('mount', ['-o', 'loop', disk, folder], { stdio: 'pipe' });
  return folder;
}
