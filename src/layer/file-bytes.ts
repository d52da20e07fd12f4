import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';

/** Which bytes of a file are meant; both are the places of bytes, and `end` is the last one. */
export interface FileBytesOptions {
  readonly start: number;
  /** Default: the file's last. */
  readonly end?: number;
  /** Destroys the stream when it is aborted, whether anybody reads it by then or not. */
  readonly signal: AbortSignal;
}

/**
 * A file's bytes as a stream that may fail before anybody reads it: who comes later finds it
 * destroyed. Without a listener, the error would end the process.
 *
 * @param file closed with the stream when it is a handle.
 */
export function fileBytes(file: string | FileHandle, options: FileBytesOptions): Readable {
  const settings = { highWaterMark: 256 * 1024, ...options };
  const stream =
    typeof file === 'string' ? createReadStream(file, settings) : file.createReadStream(settings);
  stream.on('error', () => undefined);
  return stream;
}
