import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import * as path from 'node:path';
import { ListenError } from './errors.js';

/** Bytes of a path that the system takes for a socket (sun_path of unix(7)), its end included. */
const maxPathLength = 108;

/**
 * Makes a server listen on a socket that its user alone may connect to. It is made in a folder of
 * its own, which nobody else can enter, and appears at its place when its mode is set. What a dead
 * server has left there is replaced.
 *
 * @returns what takes the socket away again.
 * @throws ListenError when something else is there.
 */
export async function listenOnSocket(server: Server, file: string): Promise<() => Promise<void>> {
  const folder = await privateFolder(file);
  const hidden = path.join(folder, 's');
  try {
    if (Buffer.byteLength(hidden) >= maxPathLength) {
      throw new ListenError(file, 'its path is too long', 'Choose a socket with a shorter path.');
    }
    const listening = once(server, 'listening');
    server.listen({ path: hidden });
    await listening;
    await fs.chmod(hidden, 0o600);
    const { ino } = await fs.lstat(hidden);
    await place(hidden, file, folder);
    return async () => {
      if ((await inodeOf(file)) === ino) await fs.rm(file, { force: true });
      await fs.rm(folder, { recursive: true, force: true });
    };
  } catch (error) {
    if (server.listening) server.close();
    await fs.rm(folder, { recursive: true, force: true });
    throw listenError(file, error);
  }
}

async function privateFolder(file: string): Promise<string> {
  try {
    return await fs.mkdtemp(path.join(path.dirname(file), '.rx-'));
  } catch (error) {
    throw listenError(file, error);
  }
}

/** Puts the socket at its place unless something is there. Of several servers one alone succeeds. */
async function place(hidden: string, file: string, folder: string): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      await fs.link(hidden, file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      await takeAwayDead(file, path.join(folder, 'dead'));
    }
  }
  throw inUse(file);
}

async function takeAwayDead(file: string, aside: string): Promise<void> {
  await refuseAllButDead(file);
  try {
    await fs.rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    // Another server may have taken the dead one's place since.
    await refuseAllButDead(aside);
  } catch {
    await fs.link(aside, file);
    throw inUse(file);
  } finally {
    await fs.rm(aside, { force: true });
  }
}

async function refuseAllButDead(file: string): Promise<void> {
  const stat = await fs.lstat(file).catch(() => undefined);
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new ListenError(file, 'it is there and no socket', 'Choose another path.');
  }
  if (await answers(file)) throw inUse(file);
}

async function answers(file: string): Promise<boolean> {
  const socket = connect(file);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    // One that is refused, as by its mode, belongs to somebody.
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ECONNREFUSED' && code !== 'ENOENT';
  } finally {
    socket.destroy();
  }
}

function inUse(file: string): ListenError {
  const hint = 'Use that one, end it first, or choose another path.';
  return new ListenError(file, 'another server listens there', hint);
}

async function inodeOf(file: string): Promise<number | undefined> {
  return (await fs.lstat(file).catch(() => undefined))?.ino;
}

/** What the system refused, in terms of what was asked for. */
export function listenError(address: string, error: unknown): ListenError {
  if (error instanceof ListenError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const problems: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another server listens there',
    EACCES: 'access is denied',
    ENOENT: 'its folder is not there',
    ENOTDIR: 'its folder is not there',
    EADDRNOTAVAIL: 'it is no address of this machine',
    ENOTFOUND: 'it is no address of this machine',
  };
  const problem = problems[code ?? ''] ?? message;
  return new ListenError(address, problem, 'Choose another address.', error);
}
