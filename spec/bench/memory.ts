/**
 * `npm run bench:memory`: the most memory that the whole process has resident while it pulls a
 * layer of 300 MB, and how long that takes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDockerRegistry } from '../support/docker-registry.js';
import { run } from '../support/run.js';
import { writeBenchLayout } from './images.js';
import { measure, rxferCommand } from './processes.js';

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rxfer-bench-'));
  const registry = await startDockerRegistry();
  try {
    const layout = join(folder, 'layout');
    await writeBenchLayout(layout, [{ name: 'large', size: 300_000_000 }]);
    for (const compression of ['gzip', 'zstd']) {
      const reference = `${registry.host}/${compression}:v1`;
      const compress = ['--dest-compress-format', compression];
      // skopeo compresses what isn't: through a folder of plain tars.
      const plain = join(folder, 'plain');
      await run('skopeo', 'copy', '-q', '--dest-decompress', `oci:${layout}:v1`, `dir:${plain}`);
      await run(
        'skopeo',
        'copy',
        '-q',
        '--dest-tls-verify=false',
        ...compress,
        `dir:${plain}`,
        `docker://${reference}`,
      );
      const store = join(folder, 'store');
      const cost = await measure([
        ...rxferCommand,
        'pull',
        reference,
        '--progress',
        'none',
        '--store',
        store,
      ]);
      console.log(
        `300 MB, ${compression}: ${(cost.memory / 1e6).toFixed(0)} MB resident at most, ${cost.wall.toFixed(0)} ms`,
      );
      await rm(store, { recursive: true, force: true });
    }
  } finally {
    await registry.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

void main();
