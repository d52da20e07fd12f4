import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.js';
import { temporaryFolder } from './temporary-folder.js';

const root = join(__dirname, '../..');
const vite = join(root, 'node_modules/vite/bin/vite.js');

/** A folder in which `rxfer` (as built) and what the specs' pages need can be imported. */
export function projectFolder(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['rxjs', 'react', 'react-dom', 'scheduler']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  symlinkSync(root, join(folder, 'node_modules/rxfer'));
  return folder;
}

/** Bundles what stands in a folder with Vite, by the options of its `build`; into `dist` there. */
export async function bundle(folder: string, build: object): Promise<string> {
  const config = { root: folder, logLevel: 'warn', build: { outDir: 'dist', ...build } };
  const file = join(folder, 'vite.config.mjs');
  writeFileSync(file, `export default ${JSON.stringify(config)};\n`);
  await run(process.execPath, vite, 'build', '--config', file);
  return join(folder, 'dist');
}
