import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Steps } from './children/pulling.js';

/** What a pulling process tells. */
export interface News {
  readonly kind: string;
  readonly error?: Readonly<Record<'code' | 'message' | 'path' | 'hint', string | undefined>>;
}

/** A process of `children/pulling.ts`. */
export class PullingProcess {
  readonly #child: ChildProcess;
  readonly #news: News[] = [];
  readonly #exit: Promise<unknown>;
  #printed = '';

  /** @param before shell commands that the process starts under, such as `ulimit -n 30`. */
  constructor(file: string, before?: string) {
    const node = [process.execPath, file];
    const command =
      before === undefined ? node : ['sh', '-c', `${before}; exec "$0" "$@"`, ...node];
    const [program = '', ...rest] = command;
    this.#child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#child.on('message', (news) => this.#news.push(news as News));
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.setEncoding('utf8').on('data', (text: string) => (this.#printed += text));
    }
    this.#exit = once(this.#child, 'close');
  }

  /** Begins, once the process is up. */
  async pull(directory: string, reference: string, steps?: Steps): Promise<void> {
    await this.told('ready');
    this.#child.send({ directory, reference, ...(steps && { steps }) });
  }

  /** Waits until the process is gone. */
  async end(): Promise<void> {
    await this.#exit;
  }

  /** Waits for news of a kind; false when the process has ended without. */
  async told(kind: string): Promise<boolean> {
    while (!this.#knows(kind)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        await this.#exit;
        return this.#knows(kind);
      }
      await Promise.race([once(this.#child, 'message'), this.#exit]);
    }
    return true;
  }

  /** Waits for the process to end: how its pull went. */
  async outcome(): Promise<News> {
    await this.#exit;
    const last = this.#news.at(-1);
    if (last?.kind === 'result' || last?.kind === 'error') return last;
    throw new Error(`the process ended without an outcome: ${this.#printed}`);
  }

  /** Ends the process by SIGKILL, and waits for that. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  #knows(kind: string): boolean {
    return this.#news.some((news) => news.kind === kind);
  }
}
