import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openDiskStore, type Descriptor, type DiskStore } from '../../src/index.js';
import { nameOwner } from '../../src/layer/lock-owner.js';
import { digestOf, digestHex } from '../../src/oci/index.js';
import { CollectedLogs } from '../support/collected-logs.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const { signal } = new AbortController();
const bytes = Buffer.alloc(3000, 'blob');
const blob: Descriptor = {
  mediaType: 'application/octet-stream',
  digest: digestOf(bytes),
  size: bytes.length,
};
let folder: string;
let logs: CollectedLogs;
let deadOwner: string;
let deadProcess: string;

beforeAll(async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  deadProcess = String(child.pid);
  const [machine, , start] = nameOwner().split('.');
  deadOwner = [machine, deadProcess, start, 'nonce'].join('.');
});
beforeEach(() => {
  folder = temporaryFolder();
  logs = new CollectedLogs();
});
afterAll(removeTemporaryFolders);

function open(): Promise<DiskStore> {
  return openDiskStore(folder, { logger: logs.logger });
}

async function ingestPart(store: DiskStore, from: number, to: number): Promise<void> {
  const ingest = await store.blobs.ingest(blob, signal);
  try {
    await ingest.append(Readable.from([bytes.subarray(from, to)]), { signal });
    if (to === bytes.length) await (await ingest.complete(signal)).discard();
  } finally {
    await ingest.close();
  }
}

it('tells of what a dead process has left', async () => {
  const session = join((await open()).directory, 'sessions', 'left');
  fs.mkdirSync(session);
  fs.symlinkSync(deadOwner, `${session}.lock`);
  await open();
  expect(logs.lines).toEqual([
    { level: 'info', message: 'leftovers removed', path: join(folder, 'sessions'), sessions: 1 },
  ]);
});

it('tells of a lock whose holder is gone, and of an ingest that goes on', async () => {
  const store = await open();
  await ingestPart(store, 0, 1000);
  const partial = join(folder, 'ingest', `sha256-${digestHex(blob.digest)}`);
  fs.symlinkSync(deadOwner, `${partial}.lock`);
  await ingestPart(store, 1000, bytes.length);
  expect(logs.lines).toEqual([
    { level: 'warn', message: 'abandoned lock removed', path: partial, process: deadProcess },
    {
      level: 'debug',
      message: 'ingest resumed',
      digest: blob.digest,
      offset: 1000,
      size: bytes.length,
    },
  ]);
});

it('tells once that it waits for a lock', async () => {
  const store = await open();
  const ingest = await store.blobs.ingest(blob, signal);
  const next = store.blobs.ingest(blob, signal);
  await until(() => logs.of('waiting for a lock').length > 0);
  await ingest.close();
  await (await next).close();
  expect(logs.lines).toMatchObject([
    { level: 'debug', path: join(folder, 'ingest', `sha256-${digestHex(blob.digest)}`) },
  ]);
});

it('tells of collections and of damage', async () => {
  const store = await open();
  await ingestPart(store, 0, bytes.length);
  fs.writeFileSync(join(folder, 'blobs/sha256', digestHex(blob.digest)), 'damaged');
  await store.verify();
  await store.collect();
  expect(logs.lines).toMatchObject([
    { level: 'warn', message: 'damage found', kind: 'blob', name: blob.digest, outcome: 'kept' },
    {
      level: 'info',
      message: 'garbage collected',
      path: folder,
      layers: 0,
      blobs: 1,
      partials: 0,
      bytes: expect.any(Number) as unknown,
    },
  ]);
});

it('tells nothing of a dry run, nor of what goes as it should', async () => {
  const store = await open();
  await ingestPart(store, 0, bytes.length);
  await store.verify();
  await store.collect({ mode: 'dry run' });
  expect(logs.lines).toEqual([]);
});
