/** `npm run bench:start`: what starting the command line takes, beside starting Node alone. */
import { circumstances } from './machine.js';
import { measure, median, rxferCommand } from './processes.js';
import { record } from './record.js';
import { withFigures } from './results.js';

const runs = 15;
const contestants: Readonly<Record<string, readonly string[]>> = {
  'node -e 0': [process.execPath, '-e', '0'],
  'rxfer --version': [...rxferCommand, '--version'],
};

async function main(): Promise<void> {
  const walls = new Map<string, number[]>();
  for (let turn = 0; turn < runs; turn++) {
    for (const [name, command] of Object.entries(contestants)) {
      walls.set(name, [...(walls.get(name) ?? []), (await measure(command)).wall]);
    }
  }
  const alone = median(walls.get('node -e 0') ?? []);
  const lines = [...walls].map(([name, all]) => [name, median(all), median(all) / alone] as const);
  for (const [name, wall, ratio] of lines) {
    console.log(`${name}: ${wall.toFixed(1)} ms, ×${ratio.toFixed(2)}`);
  }
  await record((results) =>
    withFigures(results, {
      name: 'start',
      title: 'Starting the command line',
      columns: ['', 'wall, ms', 'of Node alone'],
      lines,
      command: 'npm run bench:start',
      measured: circumstances(),
    }),
  );
}

void main();
