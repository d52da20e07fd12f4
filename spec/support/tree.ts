import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A folder as lines to be compared: type, mode, owner, times, links and content of everything. */
export function describeTree(root: string): string[] {
  const firstOfInode = new Map<bigint, string>();
  const lines: string[] = [];
  const walk = (name: string): void => {
    const file = join(root, name);
    const stats = lstatSync(file, { bigint: true });
    const first = firstOfInode.get(stats.ino) ?? name;
    firstOfInode.set(stats.ino, first);
    const kind = stats.isDirectory()
      ? 'd'
      : stats.isSymbolicLink()
        ? 'l'
        : stats.isFile()
          ? 'f'
          : 'x';
    const content = stats.isFile()
      ? createHash('sha256').update(readFileSync(file)).digest('hex')
      : stats.isSymbolicLink()
        ? readlinkSync(file)
        : String(stats.rdev);
    // Node sets times to the microsecond.
    const modified = stats.mtimeNs / 1000n;
    const owner = `${stats.uid}:${stats.gid}`;
    lines.push([name, kind, stats.mode.toString(8), owner, modified, first, content].join(' '));
    if (stats.isDirectory()) for (const child of readdirSync(file).sort()) walk(join(name, child));
  };
  for (const child of readdirSync(root).sort()) walk(child);
  return lines;
}
