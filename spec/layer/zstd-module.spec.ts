import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../support/run.js';

const root = join(__dirname, '../..');

it('the module of libzstd is what `npm run zstd-module` writes', async () => {
  const written = await run(process.execPath, join(root, '.config/zstd-module.mjs'));
  const isSame = readFileSync(join(root, 'src/layer/zstd-module.ts'), 'utf8') === written;
  // Not the strings themselves, whose difference would be shown.
  expect(isSame).toBe(true);
});
