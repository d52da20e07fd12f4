import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { createRegistryClient, createRxfer, openDiskStore } from '../../src/index.js';
import { storeError, type StoreError } from '../../src/layer/index.js';
import { chainIDsOf } from '../../src/oci/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import { mountBtrfs } from '../support/btrfs.js';
import { unmountAll } from '../support/loop-mount.js';
import { PullingProcess } from '../support/pulling-process.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

// Each starts processes or syncs many files, on machines that have other things to do.
jest.setTimeout(120_000);

const client = createRegistryClient();
let program: ChildProgram;
let registry: TestRegistry;
let image: SampleImage;

beforeAll(async () => {
  program = compileChildProgram('pulling');
  registry = await startRegistry();
  const sizes = [1_000_000, 2_000_000, 500_000];
  image = await sampleImage({ layers: sizes.map((size, index) => [{ name: `f${index}`, size }]) });
  registry.addImage('app', 'v1', image);
});
afterAll(async () => {
  await client.close();
  await registry.close();
  program.remove();
  unmountAll();
  removeTemporaryFolders();
});

const reference = (): string => `${registry.host}/app:v1`;
const sessions = (folder: string): string[] => fs.readdirSync(join(folder, 'sessions'));

async function pull(folder: string): Promise<void> {
  const store = await openDiskStore(folder);
  const event = await lastValueFrom(createRxfer({ store, registry: client }).pull(reference()));
  if (event.kind === 'result') event.release();
}

const mount = mountSmall();
const quotas = mountWithQuotas();
const itWithQuotas = quotas === undefined ? it.skip : it;
const describeMounted = mount === undefined ? describe.skip : describe;

describeMounted('on a small file system of its own', () => {
  afterAll(() => execFileSync('umount', ['-l', mount ?? '']));

  it('without space says how much is needed, cleans up, and goes on once there is some', async () => {
    const folder = join(mount ?? '', 'full');
    const failure = (await pull(folder).catch((error: unknown) => error)) as StoreError;
    expect(failure).toMatchObject({ code: 'ERR_STORE_NO_SPACE' });
    expect(failure.path.startsWith(folder)).toBe(true);
    expect(failure.message).toMatch(/bytes are free/);
    // What was unpacked is gone; the blobs stay, to be resumed.
    await eventually(() => sessions(folder).length === 0);
    expect((await (await openDiskStore(folder)).verify()).damages).toEqual([]);
    execFileSync('mount', ['-o', 'remount,size=40m', mount ?? '']);
    const before = registry.bytesServed();
    await pull(folder);
    const size = image.layers.reduce((sum, each) => sum + each.size, 0);
    expect(registry.bytesServed() - before).toBeLessThan(size);
  });

  it('that is read-only gives what is there, and says that it takes nothing', async () => {
    const folder = join(mount ?? '', 'full');
    execFileSync('mount', ['-o', 'remount,ro', mount ?? '']);
    const store = await openDiskStore(folder);
    expect(await store.images.list()).toHaveLength(1);
    const [lowest] = chainIDsOf(image.diffIDs);
    const lease = await store.layers.acquire(lowest!);
    expect(lease?.layer.diffID).toBe(image.diffIDs[0]);
    lease?.release();
    const other = await sampleImage({ layers: [[{ name: 'other', size: 9 }]] });
    registry.addImage('app', 'v1', other);
    await expect(pull(folder)).rejects.toMatchObject({
      code: 'ERR_STORE_READ_ONLY',
      path: expect.stringContaining(folder) as unknown,
    });
    registry.addImage('app', 'v1', image);
    execFileSync('mount', ['-o', 'remount,rw', mount ?? '']);
  });

  it('that takes no more files tells that it is they which are too many', async () => {
    const { files, ffree } = fs.statfsSync(mount ?? '');
    execFileSync('mount', ['-o', `remount,nr_inodes=${files - ffree + 3}`, mount ?? '']);
    await expect(openDiskStore(join(mount ?? '', 'many'))).rejects.toMatchObject({
      code: 'ERR_STORE_NO_SPACE',
      message: expect.stringMatching(/[1-9]\d* bytes are free, 0 inodes are free/) as unknown,
    });
  });
});

it('with too few files to be open fails by a typed error and leaves a store that opens', async () => {
  const folder = temporaryFolder();
  await openDiskStore(folder);
  const child = new PullingProcess(program.file, 'ulimit -n 24');
  await child.pull(folder, reference());
  const { error } = await child.outcome();
  expect(error?.code).toBe('ERR_STORE_TOO_MANY_FILES');
  expect(error?.path).toContain(folder);
  expect(error?.hint).toContain('ulimit -n');
  const store = await openDiskStore(folder);
  expect(sessions(folder)).toEqual([]);
  expect((await store.verify()).damages).toEqual([]);
  await pull(folder);
}, 120_000);

itWithQuotas(
  'with a quota that is used up says so, cleans up, and goes on once it is raised',
  async () => {
    const folder = join(quotas ?? '', 'limited');
    const failure = (await pull(folder).catch((error: unknown) => error)) as StoreError;
    expect(failure).toMatchObject({
      code: 'ERR_STORE_QUOTA',
      message: expect.stringMatching(/^The quota is used up: .*limited/) as unknown,
      hint: expect.stringContaining('quota') as unknown,
    });
    await eventually(() => sessions(folder).length === 0);
    execFileSync('btrfs', ['qgroup', 'limit', 'none', folder]);
    await pull(folder);
    expect((await (await openDiskStore(folder)).verify()).damages).toEqual([]);
  },
);

it('EDQUOT is understood as Node gives it, which has no name for it', () => {
  const refused = Object.assign(new Error('Unknown system error -122'), {
    code: 'Unknown system error -122',
    errno: -osConstants.errno.EDQUOT,
    syscall: 'write',
  });
  expect(storeError(refused, '/store/blobs')).toMatchObject({ code: 'ERR_STORE_QUOTA' });
});

it.each([
  ['EDQUOT', 'ERR_STORE_QUOTA'],
  ['EFBIG', 'ERR_STORE_FILE_SIZE'],
  ['EACCES', 'ERR_STORE_ACCESS'],
  ['EMFILE', 'ERR_STORE_TOO_MANY_FILES'],
  ['EXDEV', 'ERR_STORE_SPLIT'],
  ['EIO', 'ERR_STORE_IO'],
])('%s becomes %s and names the path', (code, expected) => {
  const refused = Object.assign(new Error(code), { code, syscall: 'write' });
  expect(storeError(refused, '/store/blobs')).toMatchObject({
    code: expected,
    path: '/store/blobs',
    message: expect.stringContaining('/store/blobs') as unknown,
    cause: refused,
  });
});

it.each([
  ['mkdir', { path: '/store/sessions/one' }],
  ['symlink', { path: 'whose', dest: '/store/sessions/one.lock' }],
])('%s that is denied names the folder in which nothing can be made', (syscall, places) => {
  const refused = Object.assign(new Error('EACCES'), { code: 'EACCES', syscall, ...places });
  expect(storeError(refused, '/store/sessions/one')).toMatchObject({
    code: 'ERR_STORE_ACCESS',
    path: '/store/sessions',
    message: 'Access is denied: /store/sessions',
  });
});

/** A file system of 3 MiB, or `undefined` with a word where this user may not mount one. */
function mountSmall(): string | undefined {
  const folder = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'rxfer-spec', folder], {
      stdio: 'pipe',
    });
    return folder;
  } catch {
    console.warn('a full and a read-only file system need the right to mount: run as root');
    return undefined;
  }
}

/** A file system whose folder `limited` may have 3 MB, or `undefined` with a word on what lacks. */
function mountWithQuotas(): string | undefined {
  const folder = mountBtrfs();
  if (folder === undefined) return undefined;
  execFileSync('btrfs', ['quota', 'enable', folder]);
  execFileSync('btrfs', ['subvolume', 'create', join(folder, 'limited')]);
  execFileSync('btrfs', ['qgroup', 'limit', '3M', join(folder, 'limited')]);
  return folder;
}

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
