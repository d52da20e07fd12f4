import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { lockFile, tryLock } from '../../src/layer/file-lock.js';
import { silentLogger } from '../../src/transfer/index.js';
import { livenessOf, nameOwner } from '../../src/layer/lock-owner.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

const newFile = (): string => join(temporaryFolder(), 'locked');
const unaborted = new AbortController().signal;

/** This process's name as another process number of the same machine would have it. */
function ownerWith(pid: number, start = nameOwner().split('.')[2]): string {
  const [machine] = nameOwner().split('.');
  return `${machine}.${pid}.${start}.nonce`;
}

async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe('a lock', () => {
  it('is held by one at a time, and given back', async () => {
    const file = newFile();
    const lock = await tryLock(file);
    expect(lock?.lost).toBe(false);
    expect(await tryLock(file)).toBeUndefined();
    await lock?.unlock();
    const next = await tryLock(file);
    // Given back twice, it doesn't take the next one's away.
    await lock?.unlock();
    expect(await tryLock(file)).toBeUndefined();
    await next?.unlock();
    expect(fs.readdirSync(join(file, '..'))).toEqual([]);
  });

  it('of a process that is gone is taken over at once, by one alone', async () => {
    const file = newFile();
    fs.symlinkSync(ownerWith(await endedProcess()), `${file}.lock`);
    const locks = await Promise.all([tryLock(file), tryLock(file), tryLock(file)]);
    const held = locks.filter((lock) => lock !== undefined);
    expect(held).toHaveLength(1);
    await held[0]?.unlock();
  });

  it('of a live process is not taken over, however long that is silent', async () => {
    const file = newFile();
    fs.symlinkSync(nameOwner(), `${file}.lock`);
    fs.lutimesSync(`${file}.lock`, 1, 1);
    expect(await tryLock(file)).toBeUndefined();
  });

  it('of a process that cannot be asked after is taken over when it was silent for long', async () => {
    const file = newFile();
    fs.symlinkSync(`elsewhere.${process.pid}.1.nonce`, `${file}.lock`);
    expect(await tryLock(file)).toBeUndefined();
    fs.lutimesSync(`${file}.lock`, 1, 1);
    const lock = await tryLock(file);
    expect(lock).toBeDefined();
    await lock?.unlock();
  });

  it('is waited for until it is free or the signal is aborted', async () => {
    const file = newFile();
    const lock = await tryLock(file);
    const waiting = new AbortController();
    const cancelled = lockFile(file, waiting.signal, {
      scheduler: asyncScheduler,
      logger: silentLogger,
    });
    waiting.abort();
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
    const next = lockFile(file, unaborted, { scheduler: asyncScheduler, logger: silentLogger });
    await lock?.unlock();
    await (await next).unlock();
  });
});

describe('the owner of a lock', () => {
  it('is alive while its process runs', () => {
    expect(livenessOf(nameOwner())).toBe('alive');
  });

  it('is gone with its process', async () => {
    expect(livenessOf(ownerWith(await endedProcess()))).toBe('gone');
  });

  it('is gone when another process has its number', () => {
    expect(livenessOf(ownerWith(process.pid, '1'))).toBe('gone');
  });

  it.each(['', 'text', 'elsewhere.1.1.nonce', `${nameOwner().split('.')[0]}.-1.1.nonce`])(
    "is unknown of '%s'",
    (owner) => {
      expect(livenessOf(owner)).toBe('unknown');
    },
  );
});
