/**
 * `npm run bench [runs]`: rxfer against skopeo, each bringing 12 layers of 20 MB from the same
 * docker-registry on loopback, in turns; prints medians and ratios.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDockerRegistry } from '../support/docker-registry.js';
import { run } from '../support/run.js';
import { writeBenchLayout } from './images.js';
import { measure, median, rxferCommand, type Cost } from './processes.js';

const runs = Number(process.argv[2] ?? 7);
const layers = Array.from({ length: 12 }, (_, index) => ({ name: `l${index}`, size: 20_000_000 }));

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rxfer-bench-'));
  const registry = await startDockerRegistry();
  try {
    const layout = join(folder, 'layout');
    await writeBenchLayout(layout, layers);
    const reference = `${registry.host}/bench:v1`;
    await run(
      'skopeo',
      'copy',
      '-q',
      '--dest-tls-verify=false',
      `oci:${layout}:v1`,
      `docker://${reference}`,
    );
    const out = join(folder, 'out');
    const quiet = ['--progress', 'none', '--store', join(folder, 'store')];
    const contestants: Record<string, readonly string[]> = {
      'skopeo copy to an OCI layout': [
        'skopeo',
        'copy',
        '-q',
        '--src-tls-verify=false',
        `docker://${reference}`,
        `oci:${out}:v1`,
      ],
      'rxfer copy to an OCI layout': [
        ...rxferCommand,
        'copy',
        reference,
        `oci:${out}:v1`,
        ...quiet,
      ],
      'rxfer pull, unpacked': [...rxferCommand, 'pull', reference, ...quiet],
    };
    const costs = new Map<string, Cost[]>(Object.keys(contestants).map((name) => [name, []]));
    for (let turn = 0; turn < runs; turn++) {
      for (const [name, command] of Object.entries(contestants)) {
        await rm(out, { recursive: true, force: true });
        await rm(join(folder, 'store'), { recursive: true, force: true });
        costs.get(name)?.push(await measure(command));
      }
    }
    print(costs);
  } finally {
    await registry.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function print(costs: ReadonlyMap<string, readonly Cost[]>): void {
  const rows = [...costs].map(([name, all]) => ({
    name,
    wall: median(all.map(({ wall }) => wall)),
    cpu: median(all.map(({ cpu }) => cpu)),
    memory: median(all.map(({ memory }) => memory)),
  }));
  const [peer] = rows;
  console.log(`12 layers of 20 MB, gzip; medians of ${runs} alternating runs`);
  for (const { name, wall, cpu, memory } of rows) {
    const ratios = `ratio ${(wall / (peer?.wall ?? 1)).toFixed(2)} wall, ${(cpu / (peer?.cpu ?? 1)).toFixed(2)} CPU`;
    console.log(
      `${name.padEnd(30)} ${wall.toFixed(0)} ms wall, ${cpu.toFixed(0)} ms CPU, ${(memory / 1e6).toFixed(0)} MB; ${ratios}`,
    );
  }
}

void main();
