import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The oldest Node that package.json allows, and those that come after this one. */
export const otherVersions = ['20.18.1', '22', '24'] as const;

const name = `node-${process.platform}-${process.arch}`;

/**
 * A suite on each other version of Node, from the package that npm has of it, as .ci/run installs
 * it. Where one is missing its suite is skipped with a word on that, but for CI, where that is a
 * failure.
 */
export function describeOnOtherNodes(suite: (node: string) => void): void {
  for (const version of otherVersions) {
    const folder = `node_modules/.cache/node-${version}`;
    const node = join(__dirname, '../..', folder, 'node_modules', name, 'bin/node');
    if (existsSync(node)) {
      describe(`on Node ${version}`, () => suite(node));
      continue;
    }
    const problem = `Node ${version} is missing: npm install --prefix ${folder} --no-save ${name}@${version}`;
    if (process.env['CI'] !== undefined) throw new Error(problem);
    console.warn(problem);
    describe.skip(`on Node ${version}`, () => suite(node));
  }
}
