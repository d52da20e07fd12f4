import * as tar from 'tar-stream';

/** One entry's header, as tar-stream reads it. */
export type TarHeader = tar.Header;

/** One entry. Its bytes are to be read to their end, by iterating or by `resume`. */
export interface TarEntry extends AsyncIterable<Buffer> {
  readonly header: TarHeader;
  resume(): unknown;
}

/** A tar parser: written to at one end, iterated over at the other. */
export interface TarReader {
  readonly writable: NodeJS.WritableStream;
  readonly entries: AsyncIterable<TarEntry>;
  destroy(error: Error): void;
}

/** tar-stream's parser, whose streams are streamx's: made to fit Node's here, and only here. */
export function createTarReader(): TarReader {
  const extract = tar.extract();
  return {
    writable: extract,
    entries: extract as AsyncIterable<unknown> as AsyncIterable<TarEntry>,
    destroy: (error) => {
      extract.destroy(error);
    },
  };
}

/** The entry's PAX records (POSIX.1-2001 pax, extended header), none for most. */
export function paxRecords({ pax }: TarHeader): Readonly<Record<string, string>> {
  return (pax ?? {}) as Record<string, string>;
}
