import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream';
import * as streams from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { entryType, type TarHeader } from './tar-header.js';
import type { TarEntry } from './tar-reader.js';
import type { SparseFile } from './tar-sparse.js';

/** An entry of a layer without its bytes. */
export interface ListedEntry {
  readonly header: TarHeader;
  /** Where the pieces of a file with holes go. */
  readonly pieces: SparseFile['pieces'] | undefined;
}

/** Characters that are compressed at a time, and bytes that are decompressed. */
const batchSize = 64 * 1024;

/** Writes the entries of a layer to a file, in their order: a line of JSON each, compressed. */
export class EntryListWriter {
  readonly #gzip = createGzip({ level: 1 });
  readonly #written: Promise<void>;
  #batch = '';

  constructor(file: string) {
    this.#written = streams.pipeline(this.#gzip, createWriteStream(file, { flags: 'wx' }));
    // Whoever writes or ends it hears of a failure.
    this.#written.catch(() => undefined);
  }

  /** Resolves when more may come; `undefined`: at once. */
  add({ header, sparse }: TarEntry): Promise<void> | undefined {
    this.#batch += lineOf(header, sparse?.pieces);
    return this.#batch.length < batchSize ? undefined : this.#flush();
  }

  async end(): Promise<void> {
    await this.#flush();
    this.#gzip.end();
    await this.#written;
  }

  /** Stops the writing. */
  async abort(): Promise<void> {
    this.#gzip.destroy();
    await this.#written.catch(() => undefined);
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = '';
    const isTaken = this.#gzip.write(batch);
    if (!isTaken) await Promise.race([once(this.#gzip, 'drain'), this.#written]);
  }
}

/** The entries in such a file. A damaged one ends in an error of zlib's or of JSON's. */
export async function* readEntryList(file: string): AsyncGenerator<ListedEntry, void> {
  for await (const batch of readEntryBatches(file)) yield* batch;
}

/** The same some hundred at a time, for those who look at each for microseconds. */
export async function* readEntryBatches(file: string): AsyncGenerator<ListedEntry[], void> {
  for await (const lines of linesOf(file)) yield lines.map(parseLine);
}

/** Tells whether two such files list the same. */
export async function areSameLists(one: string, other: string): Promise<boolean> {
  const others = eachLineOf(other);
  try {
    for await (const line of eachLineOf(one)) {
      const next = await others.next();
      if (next.done === true || next.value !== line) return false;
    }
    return (await others.next()).done === true;
  } finally {
    await others.return();
  }
}

async function* eachLineOf(file: string): AsyncGenerator<string, void> {
  for await (const lines of linesOf(file)) yield* lines;
}

/** As many at a time as come out of the decompressor together. */
async function* linesOf(file: string): AsyncGenerator<string[], void> {
  const source = createReadStream(file);
  // Its outcome is the decompressor's, which is read here.
  const text = pipeline(source, createGunzip({ chunkSize: batchSize }), () => undefined);
  let rest = '';
  for await (const chunk of text.setEncoding('utf8')) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop() ?? '';
    yield lines;
  }
  if (rest !== '') yield [rest];
}

/** What differs from an ordinary file's header, so that lines are short. */
function lineOf(header: TarHeader, pieces: SparseFile['pieces'] | undefined): string {
  const { attributes, linkname, devmajor, devminor, flag, name, mode, uid, gid } = header;
  const { size, modified } = header;
  return `${JSON.stringify({
    name,
    flag,
    mode,
    uid,
    gid,
    size,
    modified,
    ...(linkname !== '' && { linkname }),
    ...((devmajor !== 0 || devminor !== 0) && { devmajor, devminor }),
    ...(attributes && {
      attributes: [...attributes].map(([key, value]) => [key, value.toString('base64')]),
    }),
    ...(pieces && { pieces }),
  })}\n`;
}

type Line = Pick<TarHeader, 'name' | 'flag' | 'mode' | 'uid' | 'gid' | 'size' | 'modified'> &
  Partial<Pick<TarHeader, 'linkname' | 'devmajor' | 'devminor'>> & {
    readonly attributes?: readonly (readonly [name: string, base64: string])[];
    readonly pieces?: SparseFile['pieces'];
  };

function parseLine(line: string): ListedEntry {
  const { attributes, pieces, ...rest } = JSON.parse(line) as Line;
  const values = attributes?.map(([key, text]) => [key, Buffer.from(text, 'base64')] as const);
  return {
    header: {
      linkname: '',
      devmajor: 0,
      devminor: 0,
      ...rest,
      type: entryType(rest.flag, rest.name),
      attributes: values && new Map(values),
    },
    pieces,
  };
}
