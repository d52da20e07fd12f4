import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { run } from '../support/run.js';

const root = join(__dirname, '../..');

it('the module of libzstd is what `npm run zstd-module` writes', async () => {
  const written = await run(process.execPath, join(root, '.config/zstd-module.mjs'));
  const kept = readFileSync(join(root, 'src/layer/zstd-module.ts'), 'utf8');
  // Not the strings themselves, whose difference would be shown.
  expect(plain(kept) === plain(written)).toBe(true);
});

/** With the module uncompressed, since versions of Node may compress it differently. */
function plain(source: string): string {
  const [, module = ''] = /'([\w+/=]{10000,})'/.exec(source) ?? [];
  return source.replace(
    module,
    brotliDecompressSync(Buffer.from(module, 'base64')).toString('hex'),
  );
}
