import type { Dispatcher } from 'undici';
import { giveBack } from './lent-memory.js';

type Controller = Dispatcher.DispatchController;
type Handler = Required<Dispatcher.DispatchHandler>;

/** Bytes that are handed on at the latest. */
const enough = 512 * 1024;
/** Bytes of a chunk that costs more to copy than to hand on alone. */
const large = 128 * 1024;

/**
 * Hands on the bytes of an answer in large chunks: all that comes within a turn of the event loop,
 * up to 512 KiB. A chunk costs each stage behind the same, whatever its size, and many sockets give
 * no more than 64 KiB, or 16 in TLS. What is large already, and what comes slowly, is handed on at
 * once.
 */
export function gatherBytes(): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => dispatch(options, new Gatherer(handler));
}

class Gatherer implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  #chunks: Buffer[] = [];
  #length = 0;
  #turn: NodeJS.Immediate | undefined;

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(...event: Parameters<Handler['onRequestUpgrade']>): void {
    this.#handler.onRequestUpgrade?.(...event);
  }

  onResponseStart(...event: Parameters<Handler['onResponseStart']>): void {
    this.#handler.onResponseStart?.(...event);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (chunk.length >= large) {
      this.#handOn(controller);
      this.#handler.onResponseData?.(controller, chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= enough) this.#handOn(controller);
    else this.#turn ??= setImmediate(() => this.#handOn(controller));
  }

  onResponseEnd(...[controller, trailers]: Parameters<Handler['onResponseEnd']>): void {
    this.#handOn(controller);
    this.#handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#handOn(controller);
    this.#handler.onResponseError?.(controller, error);
  }

  #handOn(controller: Controller): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
    if (this.#length === 0) return;
    const bytes = inOnePiece(this.#chunks, this.#length);
    this.#chunks = [];
    this.#length = 0;
    this.#handler.onResponseData?.(controller, bytes);
  }
}

/** The chunks as one, which is a copy where they don't lie one behind the other. */
function inOnePiece(chunks: readonly Buffer[], length: number): Buffer {
  const [first] = chunks;
  if (first !== undefined && areAdjacent(first, chunks)) {
    return Buffer.from(first.buffer, first.byteOffset, length);
  }
  const copy = Buffer.concat(chunks, length);
  for (const chunk of chunks) giveBack(chunk);
  return copy;
}

function areAdjacent({ buffer, byteOffset }: Buffer, chunks: readonly Buffer[]): boolean {
  let end = byteOffset;
  return chunks.every((chunk) => {
    const isNext = chunk.buffer === buffer && chunk.byteOffset === end;
    end += chunk.length;
    return isNext;
  });
}
