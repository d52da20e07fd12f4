import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

/** Syncs a folder's file system for each line it reads, and answers with a line. */
const script = 'while read -r _; do sync -f -- "$1" || exit 1; echo; done';

/**
 * Has a folder's file system put on the disk by syncfs(2), which Node hasn't, but coreutils' and
 * busybox's `sync` have. One shell runs it time after time: to begin a process takes this thread
 * milliseconds, and the more the more memory it has.
 *
 * The shell doesn't keep this process alive, and ends with it.
 */
export class SyncProgram {
  readonly #child: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };
  readonly #ended: Promise<never>;

  constructor(readonly folder: string) {
    this.#child = spawn('/bin/sh', ['-c', script, 'sh', folder], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // Not for a terminal's Ctrl-C, after which there may be something to sync.
      detached: true,
    });
    this.#ended = once(this.#child, 'close').then(() => {
      throw new Error('The program that syncs has ended');
    });
    // Whoever waits for a run hears of it.
    this.#ended.catch(() => undefined);
    this.#child.stdin.on('error', () => undefined);
    this.#child.unref();
    this.#eachPipe((pipe) => pipe.unref());
  }

  /** Resolves when all that was written before is on the disk. One at a time. */
  async run(): Promise<void> {
    this.#eachPipe((pipe) => pipe.ref());
    try {
      this.#child.stdin.write('\n');
      await Promise.race([once(this.#child.stdout, 'data'), this.#ended]);
    } finally {
      this.#eachPipe((pipe) => pipe.unref());
    }
  }

  end(): void {
    this.#child.stdin.end();
  }

  #eachPipe(work: (pipe: Socket) => void): void {
    for (const pipe of [this.#child.stdin, this.#child.stdout]) work(pipe as Socket);
  }
}
