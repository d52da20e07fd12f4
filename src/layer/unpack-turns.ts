/** Gives a turn back; further calls do nothing. */
export type EndTurn = () => void;

/** Layers that are unpacked at a time, of those that are still arriving and of those that are there. */
const atATime = { arriving: 4, whole: 2 };

/**
 * Whose layers are unpacked when. Each layer that is being unpacked has memory of its own: buffers,
 * and what its compression looks back at, which are 128 MiB at worst; and more of them at a time
 * aren't done earlier.
 *
 * A layer that is still arriving has one of a few turns if one is free, and is kept without being
 * unpacked otherwise. One that is there to its last byte waits for one of others, whose holders wait
 * for no network: a slow registry keeps no other's layers from being unpacked.
 */
export class UnpackTurns {
  #arriving = 0;
  #whole = 0;
  readonly #line = new Set<() => void>();

  /** A turn for a layer that is still arriving, if one is free. */
  take(): EndTurn | undefined {
    if (this.#arriving >= atATime.arriving) return undefined;
    this.#arriving++;
    return once(() => this.#arriving--);
  }

  /** A turn for a layer that is there to its last byte, first come, first served. */
  async wait(signal: AbortSignal): Promise<EndTurn> {
    signal.throwIfAborted();
    if (this.#whole < atATime.whole) this.#whole++;
    else await this.#inLine(signal);
    return once(() => this.#pass());
  }

  /** Resolves once a turn was passed on. */
  #inLine(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#line.delete(enter);
        reject(signal.reason as Error);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      this.#line.add(enter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #pass(): void {
    const [next] = this.#line;
    if (next === undefined) {
      this.#whole--;
      return;
    }
    this.#line.delete(next);
    next();
  }
}

function once(end: () => void): EndTurn {
  let isOver = false;
  return () => {
    if (!isOver) end();
    isOver = true;
  };
}
