import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const packages: Readonly<Record<string, string>> = {
  docker: 'docker-cli (or docker.io, before Debian 13)',
  'docker-registry': 'docker-registry',
  getfattr: 'attr',
  setfattr: 'attr',
};

/**
 * A suite that runs against other people's programs. Where one of them is missing the suite is
 * skipped with a word on how to install it, but for CI, where that is a failure.
 */
export function describeWithPeers(
  commands: readonly string[],
  name: string,
  suite: () => void,
): void {
  const missing = commands.filter((command) => !isOnPath(command));
  if (missing.length === 0) {
    describe(name, suite);
    return;
  }
  const install = `apt-get install ${missing.map((command) => packages[command] ?? command).join(' ')}`;
  const problem = `'${name}' needs ${missing.join(', ')}, not found on the PATH: ${install}`;
  if (process.env['CI'] !== undefined) throw new Error(problem);
  console.warn(problem);
  describe.skip(name, suite);
}

/** Where a program is that this process may run. */
export function findOnPath(command: string): string | undefined {
  const files = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, command));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Tells whether a program of that name can be run. */
export function isOnPath(command: string): boolean {
  return findOnPath(command) !== undefined;
}
