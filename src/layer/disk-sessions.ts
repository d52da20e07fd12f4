import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { digestAlgorithm, digestHex, type ChainID, type Digest } from '../oci/index.js';
import type { Logger } from '../transfer/index.js';
import type { DiskLayout } from './disk-layout.js';
import { StoreError } from './errors.js';
import { lockFile, tryLock, type FileLock, type LockWaiting } from './file-lock.js';
import { isLocked } from './lock-entry.js';
import { onDisk } from './system-errors.js';
import { namesIn, removeTree } from './trees.js';

/** A use of a session: what is in its folder stays until the use is ended. */
export interface SessionUse {
  readonly folder: string;
  /** Further calls do nothing. */
  readonly end: () => void;
}

/** What a lease is on. */
export type Leasable =
  | { readonly kind: 'blob'; readonly digest: Digest }
  | { readonly kind: 'layer'; readonly digest: ChainID };

/**
 * What one opened store has under way, on disk for other processes to see: a locked folder with
 * the layers that are being unpacked, files that are being written, and leases. It is there while
 * it is used, and is a leftover when its process dies.
 */
export class DiskSessions {
  readonly #layout: DiskLayout;
  readonly #waiting: LockWaiting;
  readonly #leases = new Map<string, { count: number; readonly taken: Promise<void> }>();
  readonly #unused: () => void;
  #session: Promise<Session> | undefined;
  #uses = 0;

  /** @param unused called when the last use is ended. */
  constructor(layout: DiskLayout, waiting: LockWaiting, unused: () => void) {
    this.#layout = layout;
    this.#waiting = waiting;
    this.#unused = unused;
  }

  /** Begins the session, or joins the one that is there. */
  async use(): Promise<SessionUse> {
    this.#uses++;
    const session = (this.#session ??= Session.begin(this.#layout));
    const end = once(() => {
      if (--this.#uses > 0) return;
      this.#unused();
      const last = this.#session;
      this.#session = undefined;
      last?.then((begun) => begun.end()).catch(() => undefined);
    });
    try {
      return { folder: (await session).folder, end };
    } catch (error) {
      // Not for others to join any more, who came with this one.
      if (this.#session === session) this.#session = undefined;
      end();
      throw error;
    }
  }

  /**
   * Keeps something from collection, whether it is there or still to come, until the use is
   * ended. What is there after this has resolved stays there.
   */
  async lease(what: Leasable): Promise<SessionUse> {
    const use = await this.#useToLease();
    if (use === undefined) return { folder: this.#layout.sessions, end: () => undefined };
    const file = path.join(leasesOf(use.folder), leaseName(what));
    const lease = this.#leases.get(file) ?? { count: 0, taken: this.#take(file) };
    this.#leases.set(file, lease);
    lease.count++;
    const end = once(() => {
      if (--lease.count === 0) {
        this.#leases.delete(file);
        fs.rmSync(file, { force: true });
      }
      use.end();
    });
    try {
      await onDisk(file, () => lease.taken);
      return { folder: use.folder, end };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** A file system that can't be written to has no collection to fear. */
  async #useToLease(): Promise<SessionUse | undefined> {
    try {
      return await this.use();
    } catch (error) {
      if (error instanceof StoreError && error.code === 'ERR_STORE_READ_ONLY') return undefined;
      throw error;
    }
  }

  /**
   * A collection that began before the lease was there may not have seen it, so its end is waited
   * for; one that begins after will.
   */
  async #take(file: string): Promise<void> {
    fs.writeFileSync(file, '');
    const { collection } = this.#layout;
    if (!isLocked(collection)) return;
    const lock = await lockFile(collection, new AbortController().signal, this.#waiting);
    await lock.unlock();
  }
}

/** The leases that live processes have in a store; what has none of those is a leftover. */
export interface LiveLeases {
  readonly blobs: ReadonlySet<Digest>;
  readonly layers: ReadonlySet<ChainID>;
}

/** Reads the leases of all sessions. Those whose process is gone are to be removed before. */
export async function readLeases(layout: DiskLayout): Promise<LiveLeases> {
  const blobs = new Set<Digest>();
  const layers = new Set<ChainID>();
  for (const session of await sessionsOf(layout)) {
    for (const name of await namesIn(leasesOf(session))) {
      const [kind, ...digest] = name.split('-');
      if (kind === 'layer') layers.add(digest.join(':') as ChainID);
      else blobs.add(digest.join(':') as Digest);
    }
  }
  return { blobs, layers };
}

/** Removes what processes that are gone have had under way. */
export async function removeDeadSessions(layout: DiskLayout, logger: Logger): Promise<void> {
  let sessions = 0;
  for (const session of await sessionsOf(layout)) {
    const lock = await tryLock(session);
    if (lock === undefined) continue;
    // Of one that its process has just ended itself, nothing is left.
    if (fs.existsSync(session)) sessions++;
    await removeTree(session);
    await lock.unlock();
  }
  if (sessions > 0) logger.info({ path: layout.sessions, sessions }, 'leftovers removed');
}

class Session {
  readonly folder: string;
  readonly #lock: FileLock | undefined;

  private constructor(folder: string, lock: FileLock | undefined) {
    this.folder = folder;
    this.#lock = lock;
  }

  static async begin(layout: DiskLayout): Promise<Session> {
    const folder = path.join(layout.sessions, randomUUID());
    return onDisk(folder, async () => {
      // The lock is there before the folder is, so that nobody ever sees it without.
      const lock = await tryLock(folder);
      await fs.promises.mkdir(leasesOf(folder), { recursive: true });
      return new Session(folder, lock);
    });
  }

  async end(): Promise<void> {
    await removeTree(this.folder).catch(() => undefined);
    await this.#lock?.unlock();
  }
}

async function sessionsOf(layout: DiskLayout): Promise<string[]> {
  const names = await namesIn(layout.sessions);
  // A process may have died between the two, and left either.
  const sessions = new Set(names.map((name) => name.replace(/\.lock(\..*)?$/, '')));
  return [...sessions].map((name) => path.join(layout.sessions, name));
}

function leasesOf(session: string): string {
  return path.join(session, 'leases');
}

function leaseName({ kind, digest }: Leasable): string {
  return `${kind}-${digestAlgorithm(digest)}-${digestHex(digest)}`;
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}
