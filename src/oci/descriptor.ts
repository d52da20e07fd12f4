import type { Digest } from './digest.js';
import type { Platform } from './platform.js';

/** What points at a blob or manifest and is enough to verify it (OCI image spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the content as it is transferred. */
  readonly size: number;
  /** Only within an index. */
  readonly platform?: Platform;
  /** Only in a list of referrers, and beside artifacts in an index. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Where else the content may be had; rxfer refuses to follow them unless asked. */
  readonly urls?: readonly string[];
}
