import { Readable } from 'node:stream';

/** One entry as it is written, right or wrong. */
export interface RawEntry {
  readonly name: string | Buffer;
  /** The type's character. Default `0`, a file, or `5`, a folder, when the name ends in a slash. */
  readonly flag?: string;
  readonly data?: string | Buffer;
  readonly linkname?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds. */
  readonly mtime?: number;
  readonly device?: readonly [major: number, minor: number];
  /** What the header states in place of the data's length: a number, or the field's bytes. */
  readonly size?: number | Buffer;
  /** Records of a PAX header of its own, ahead of the entry. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  /** Bytes to put into the header, by their place, after everything else. */
  readonly patch?: Readonly<Record<number, Buffer>>;
  /** Blocks between the header and the data. */
  readonly between?: Buffer;
}

/** What ends a tar. */
export const endMarker = Buffer.alloc(1024);

/** Writes a tar block by block, with nothing checked. */
export function rawTar(entries: readonly RawEntry[], end: Buffer = endMarker): Buffer {
  return Buffer.concat([...entries.flatMap((entry) => rawEntry(entry)), end]);
}

/** A tar as a stream, in chunks of a size. */
export function streamOf(bytes: Buffer, chunkSize = 64 * 1024): Readable {
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += chunkSize) {
    chunks.push(bytes.subarray(start, start + chunkSize));
  }
  return Readable.from(chunks);
}

/** One entry, with its PAX header, its data and padding. */
export function rawEntry(entry: RawEntry): Buffer[] {
  const data = Buffer.from(entry.data ?? '');
  const pax =
    entry.pax === undefined
      ? []
      : rawEntry({ name: 'pax', flag: 'x', data: paxData(Object.entries(entry.pax)) });
  return [...pax, header(entry, data.length), entry.between ?? Buffer.alloc(0), padded(data)];
}

/** The records of a PAX header. */
export function paxData(records: readonly (readonly [string, string | Buffer])[]): Buffer {
  return Buffer.concat(
    records.map(([key, value]) => {
      const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
      let length = body.length;
      while (String(length).length + body.length !== length) {
        length = String(length).length + body.length;
      }
      return Buffer.concat([Buffer.from(String(length)), body]);
    }),
  );
}

/** A number in octal, as headers have it. */
export function octal(value: number, length: number): Buffer {
  return Buffer.from(`${value.toString(8).padStart(length - 1, '0')}\0`);
}

function header(entry: RawEntry, length: number): Buffer {
  const block = Buffer.alloc(512);
  const name = Buffer.from(entry.name);
  const flag = entry.flag ?? (name.at(-1) === 0x2f ? '5' : '0');
  name.copy(block, 0, 0, 100);
  octal(entry.mode ?? (flag === '5' ? 0o755 : 0o644), 8).copy(block, 100);
  octal(entry.uid ?? 0, 8).copy(block, 108);
  octal(entry.gid ?? 0, 8).copy(block, 116);
  const size = entry.size ?? length;
  (typeof size === 'number' ? octal(size, 12) : size).copy(block, 124);
  octal(entry.mtime ?? 1_700_000_000, 12).copy(block, 136);
  block.write(flag, 156, 'latin1');
  Buffer.from(entry.linkname ?? '').copy(block, 157, 0, 100);
  block.write('ustar\x0000', 257, 'latin1');
  const [major, minor] = entry.device ?? [0, 0];
  octal(major, 8).copy(block, 329);
  octal(minor, 8).copy(block, 337);
  for (const [place, bytes] of Object.entries(entry.patch ?? {})) bytes.copy(block, Number(place));
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  octal(sum, 7).copy(block, 148);
  return block;
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}
