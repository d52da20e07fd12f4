import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';

/**
 * A folder as lines to be compared: name, type, mode, owner, time, group of hard links, and the
 * content, target or device number of everything. Names are in `latin1`, one character a byte.
 *
 * @param names whether files may have names elsewhere, too.
 */
export function describeTree(
  root: string,
  names: 'all here' | 'elsewhere too' = 'all here',
): string[] {
  const firstOfInode = new Map<bigint, string>();
  const lines: string[] = [];
  const walk = (name: string): void => {
    const file = fileOf(root, name);
    const stats = lstatSync(file, { bigint: true });
    const first = firstOfInode.get(stats.ino) ?? name;
    firstOfInode.set(stats.ino, first);
    // Node sets times to the microsecond.
    const modified = stats.mtimeNs / 1000n;
    const owner = `${stats.uid}:${stats.gid}`;
    const links = stats.isDirectory() ? '' : `${names === 'all here' ? stats.nlink : ''}:${first}`;
    const content = bytesOf(file, stats);
    lines.push(
      [name, kindOf(stats), stats.mode.toString(8), owner, modified, links, content].join(' '),
    );
    if (stats.isDirectory()) for (const child of children(file)) walk(`${name}/${child}`);
  };
  for (const child of children(Buffer.from(root))) walk(child);
  return lines;
}

/** The same with the extended attributes of everything, as Debian's getfattr tells them. */
export function describeWholeTree(
  root: string,
  names: 'all here' | 'elsewhere too' = 'all here',
): string[] {
  const options = { cwd: root, encoding: 'latin1', maxBuffer: 64 * 1024 * 1024 } as const;
  // `-e hex` whatever they hold; the root itself included.
  const dump = execFileSync(
    'getfattr',
    ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '.'],
    options,
  );
  const files = dump.split('\n\n').filter((text) => text !== '');
  const sorted = files.map((text) => {
    const [name, ...attributes] = text.split('\n').filter((line) => line !== '');
    return [name, ...attributes.sort()].join(' ');
  });
  return [...describeTree(root, names), ...sorted.sort()];
}

/** The files and links of a folder by name, with their content. */
export function contentOf(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (name: string): void => {
    for (const child of readdirSync(join(root, name)).sort()) {
      const path = name === '' ? child : `${name}/${child}`;
      const file = join(root, path);
      const stats = lstatSync(file);
      if (stats.isDirectory()) walk(path);
      else if (stats.isSymbolicLink()) found[path] = `-> ${readlinkSync(file)}`;
      else found[path] = stats.isFile() ? readFileSync(file, 'utf8') : 'special';
    }
  };
  walk('');
  return found;
}

function fileOf(root: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')]);
}

function children(folder: Buffer): string[] {
  return readdirSync(folder, 'latin1').sort();
}

function kindOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return 'd';
  if (stats.isSymbolicLink()) return 'l';
  if (stats.isFile()) return 'f';
  if (stats.isFIFO()) return 'p';
  return stats.isBlockDevice() ? 'b' : 'c';
}

function bytesOf(file: Buffer, stats: BigIntStats): string {
  if (stats.isFile()) return createHash('sha256').update(readFileSync(file)).digest('hex');
  if (stats.isSymbolicLink()) return readlinkSync(file, 'latin1');
  return stats.isDirectory() ? '' : String(stats.rdev);
}
