import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

/**
 * Prints `src/layer/zstd-module.ts`: libzstd's decoder as zstddec has it, without the JavaScript
 * around it there, which overlooks errors and keeps what it decodes in one memory for good.
 */
const file = (path) => fileURLToPath(new URL(`../node_modules/zstddec/${path}`, import.meta.url));
const { version } = JSON.parse(readFileSync(file('package.json'), 'utf8'));
const source = readFileSync(file('dist/zstddec-stream.mjs'), 'utf8');
const [built] = /zstd v[\d.]+ \(`\w+`\), emscc v[\d.]+/.exec(
  readFileSync(file('README.md'), 'utf8'),
);
const [, base64] = /"(AGFzbQ[\w+/]{10000,}=*)"/.exec(source);
const compressed = brotliCompressSync(Buffer.from(base64, 'base64')).toString('base64');
const license = readFileSync(file('LICENSE'), 'utf8').split('***')[1].trim();

process.stdout.write(`/*!
 * The decoder of libzstd as WebAssembly, in Brotli and base64: what zstddec ${version} has of it
 * (${built.replaceAll('`', '')}). Written by \`npm run zstd-module\`.
 *
${license.replace(/^ ?(?=.)/gm, ' * ').replace(/^$/gm, ' *')}
 */
// Its type would be all of it.
// eslint-disable-next-line @typescript-eslint/no-inferrable-types
export const zstdModule: string =
  '${compressed}';
`);
