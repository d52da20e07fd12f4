import { execFileSync, spawn } from 'node:child_process';
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

/**
 * A distribution's tree as three layers: what the packages installed on this machine have brought.
 * At the bottom those that each system has (priority required), then those of a standard system,
 * and at the top Python, Perl and git.
 */
export function* debianLayers(): Generator<Readable> {
  const packages = installedPackages();
  const taken = new Set<string>();
  const groups = [
    packages.filter(({ priority }) => priority === 'required'),
    packages.filter(({ priority }) => priority === 'important' || priority === 'standard'),
    packages.filter(
      ({ name, priority }) => priority === 'optional' && /^(lib)?(python3|perl|git)\b/.test(name),
    ),
  ];
  for (const group of groups) {
    const files = filesOf(group.map(({ name }) => name)).filter((file) => !taken.has(file));
    files.forEach((file) => taken.add(file));
    if (files.length > 0) yield tarOfPaths(files);
  }
}

function installedPackages(): { name: string; priority: string }[] {
  const format = '${binary:Package} ${Priority} ${db:Status-Status}\\n';
  return execFileSync('dpkg-query', ['-W', '-f', format], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , status]) => status === 'installed')
    .map(([name = '', priority = '']) => ({ name, priority }));
}

/** What packages have brought that is still there, by where it really is (/lib is in /usr). */
function filesOf(packages: readonly string[]): string[] {
  const list = execFileSync('dpkg-query', ['-L', ...packages], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const found = new Set<string>();
  for (const file of list.split('\n')) {
    if (!file.startsWith('/') || file === '/.') continue;
    try {
      const real = join(realpathSync(dirname(file)), basename(file));
      lstatSync(real);
      found.add(real.slice(1));
    } catch {
      // Diverted, or left out when it was installed, as manuals often are.
    }
  }
  return [...found].sort();
}

function tarOfPaths(paths: readonly string[]): Readable {
  const child = spawn(
    'tar',
    ['-c', '-C', '/', '--no-recursion', '--numeric-owner', '--null', '-T', '-'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  child.stdin.end(paths.join('\0'));
  return child.stdout;
}
