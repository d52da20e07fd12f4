import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findOnPath } from './peers.js';

const root = join(__dirname, '../..');

/** What `npm pack` says of the tarball that it has made. */
export interface PackedPackage {
  readonly filename: string;
  readonly integrity: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

/** Packs the package, as built, into a folder. */
export async function packPackage(folder: string): Promise<PackedPackage> {
  const output = await npm(
    root,
    'pack',
    '--ignore-scripts',
    '--json',
    '--pack-destination',
    folder,
  );
  const [packed] = JSON.parse(output) as PackedPackage[];
  if (packed === undefined) throw new Error('npm has packed nothing');
  return packed;
}

/**
 * Installs a tarball in a folder that has nothing else, with the versions of our own lock: npm has
 * these in its cache since they were installed here, so that it asks nobody.
 */
export async function installPackage(folder: string, packed: PackedPackage): Promise<void> {
  const { version, dependencies, bin, engines } = readJson('package.json') as Record<
    string,
    unknown
  >;
  const own = { dependencies: { rxfer: `file:${packed.filename}` } };
  const { packages } = readJson('package-lock.json') as Lock;
  const needed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  const { integrity } = packed;
  const resolved = `file:${packed.filename}`;
  const lock = {
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': own,
      'node_modules/rxfer': { version, resolved, integrity, dependencies, bin, engines },
      ...Object.fromEntries(needed),
    },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(own));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
  await npm(folder, 'ci', '--prefer-offline', '--no-audit', '--no-fund');
}

/** Has a Node look over the installed package: rejects where npm would warn of a package's `engines`. */
export async function checkEngines(folder: string, node: string): Promise<void> {
  const npm = realpathSync(findOnPath('npm') ?? 'npm');
  const args = ['ci', '--dry-run', '--offline', '--engine-strict'];
  await promisify(execFile)(node, [npm, ...args], { cwd: folder });
}

/** Lends a folder the types of Node, as a project in TypeScript has them, and other packages. */
export function lendPackages(folder: string, ...others: readonly string[]): void {
  for (const name of ['@types/node', ...others]) {
    const place = join(folder, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), place);
  }
}

async function npm(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', args, { cwd, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(root, file), 'utf8'));
}
