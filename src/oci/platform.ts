import { RxferError } from '../transfer/index.js';

/** What an image runs on (OCI image spec, image-index.md, platform). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
}

/** A platform that is not `os/arch[/variant]`. */
export class InvalidPlatformError extends RxferError {
  override readonly name = 'InvalidPlatformError';

  constructor(text: string) {
    super('ERR_INVALID_PLATFORM', `'${text.slice(0, 200)}' is not a platform`, {
      hint: "Write it as os/arch[/variant], such as 'linux/amd64' or 'linux/arm64/v8'.",
    });
  }
}

const architectures: Readonly<Record<string, { architecture: string; variant?: string }>> = {
  x64: { architecture: 'amd64' },
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
  ia32: { architecture: '386' },
  i386: { architecture: '386' },
};

/**
 * Reads `os/arch[/variant]`, with the usual other names of architectures (`x86_64`, `aarch64`).
 *
 * @throws InvalidPlatformError for anything else.
 */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9]+)\/([\w-]+)(?:\/([\w.-]+))?$/i.exec(text);
  const [, os, name, variant] = match ?? [];
  if (os === undefined || name === undefined) throw new InvalidPlatformError(text);
  return normal(os.toLowerCase(), name.toLowerCase(), variant?.toLowerCase());
}

/** `os/arch[/variant]`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/** The platform whose images this machine's container engines run: Linux on this architecture. */
export function hostPlatform(): Platform {
  return normal('linux', process.arch, undefined);
}

/**
 * The index of the entry that fits `wanted` best, or -1. The same variant wins over none stated;
 * arm64 without a variant is v8; a lower arm variant runs on a higher one.
 */
export function bestPlatform(wanted: Platform, entries: readonly (Platform | undefined)[]): number {
  const ranks = entries.map((entry) => (entry === undefined ? 0 : rank(wanted, entry)));
  const best = Math.max(0, ...ranks);
  return best === 0 ? -1 : ranks.indexOf(best);
}

function normal(os: string, name: string, variant: string | undefined): Platform {
  const known = architectures[name] ?? { architecture: name };
  const stated = variant ?? known.variant;
  return {
    os,
    architecture: known.architecture,
    ...(stated === undefined ? {} : { variant: stated }),
  };
}

function rank(wanted: Platform, entry: Platform): number {
  if (entry.os !== wanted.os || entry.architecture !== wanted.architecture) return 0;
  const [want, have] = [effectiveVariant(wanted), effectiveVariant(entry)];
  if (want === have) return 100;
  if (want === '' || have === '') return 50;
  const [wantLevel, haveLevel] = [level(want), level(have)];
  return wanted.architecture === 'arm' && haveLevel > 0 && haveLevel < wantLevel ? haveLevel : 0;
}

function effectiveVariant({ architecture, variant }: Platform): string {
  if (variant !== undefined && variant !== '') return variant;
  return architecture === 'arm64' ? 'v8' : '';
}

function level(variant: string): number {
  return Number(/^v(\d+)$/.exec(variant)?.[1] ?? 0);
}
