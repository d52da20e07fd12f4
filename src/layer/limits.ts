/** What a layer may cost, so that a small download can't fill a disk or keep a processor busy. */
export interface UnpackLimits {
  /** Bytes that a layer may unpack to, and its files may have, holes included. Default 256 GiB. */
  readonly maxSize?: number;
  /**
   * How many times its compressed size a layer may unpack to. The first GiB is free: a layer with
   * a preallocated, empty file is harmless. Default 200.
   */
  readonly maxRatio?: number;
  /** Entries that a layer may have. Default 2,000,000. */
  readonly maxEntries?: number;
}

export const defaultLimits = {
  maxSize: 256 * 1024 ** 3,
  maxRatio: 200,
  maxEntries: 2_000_000,
} as const satisfies UnpackLimits;

/** Bytes that any layer may unpack to, however small its blob is. */
const freeSize = 1024 ** 3;

/** Bytes that a blob of a compressed size may unpack to. */
export function unpackedSizeLimit(compressedSize: number, limits: UnpackLimits): number {
  const { maxSize = defaultLimits.maxSize, maxRatio = defaultLimits.maxRatio } = limits;
  return Math.min(maxSize, Math.max(freeSize, compressedSize * maxRatio));
}
