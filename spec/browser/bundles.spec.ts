import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { launchBrowser, listen, serveFiles } from '../support/browser.js';
import { bundle, projectFolder } from '../support/bundle.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

afterAll(removeTemporaryFolders);

/** What is bundled into one file with all it exports, RxJS included; in kB. */
async function sizesOf(name: string): Promise<{ minified: number; gzipped: number }> {
  const folder = projectFolder();
  writeFileSync(join(folder, 'entry.js'), `export * from '${name}';\n`);
  const entry = join(folder, 'entry.js');
  // As ES modules, libraries keep their blanks.
  const lib = { entry, formats: ['iife'], name: 'bundle', fileName: 'bundle' };
  const dist = await bundle(folder, { lib, minify: true });
  const [file = '', ...others] = readdirSync(dist);
  expect(others).toEqual([]);
  const code = readFileSync(join(dist, file));
  expect(code.toString()).not.toMatch(/\bfrom\s*["']|\brequire\(|node:/);
  return { minified: code.length / 1000, gzipped: gzipSync(code).length / 1000 };
}

describe('bundled by Vite', () => {
  const page = readFileSync(join(__dirname, '../../docs/guide/pages.md'), 'utf8');

  it.each([
    ['rxfer/transfer', { minified: 45, gzipped: 14 }],
    ['rxfer/progress', { minified: 50, gzipped: 17 }],
  ])(
    '%s is as small as the guide says, and within its bounds',
    async (name, bounds) => {
      const sizes = await sizesOf(name);
      expect(sizes.minified).toBeLessThan(bounds.minified);
      expect(sizes.gzipped).toBeLessThan(bounds.gzipped);
      const row = new RegExp(`^\\| \`${name}\` +\\| +([\\d.]+) kB +\\| +([\\d.]+) kB`, 'm');
      const [, minified, gzipped] = row.exec(page) ?? [];
      // Another version of RxJS or Vite may make some difference.
      expect(Math.abs(Number(minified) / sizes.minified - 1)).toBeLessThan(0.1);
      expect(Math.abs(Number(gzipped) / sizes.gzipped - 1)).toBeLessThan(0.1);
    },
    90_000,
  );
});

describeWithPeers(['chromium'], 'in Chromium', () => {
  it('transfers are shared, limited, retried, watched and cancelled', async () => {
    const folder = projectFolder();
    cpSync(join(__dirname, 'pages'), folder, { recursive: true });
    const pages = await bundle(folder, {
      rolldownOptions: { input: join(folder, 'transfer.html') },
    });
    const asked = new Map<string, number>();
    const count = (path: string): number => {
      asked.set(path, (asked.get(path) ?? 0) + 1);
      return asked.get(path) ?? 0;
    };
    const endless = new PassThrough();
    const server = Fastify();
    serveFiles(server, pages);
    server.get('/blob', (_, reply) => {
      count('blob');
      return reply.send(Buffer.alloc(3_000_000));
    });
    server.get('/flaky', (_, reply) =>
      count('flaky') === 1 ? reply.code(503).send() : reply.send(Buffer.alloc(1000)),
    );
    server.get('/endless', (_, reply) => {
      count('endless');
      endless.write(Buffer.alloc(1000));
      return reply.send(endless);
    });
    const address = await listen(server);
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      await page.goto(`${address}/transfer.html`);
      await page.waitForSelector('#broken[data-ended]');
      const title = (id: string): Promise<string | null> => page.getAttribute(`#${id}`, 'title');
      expect(await title('one')).toMatch(
        /^Downloading [\s\S]+\nDownloading 3\.0 MB\ngot 3\.0 MB\n$/,
      );
      expect(await title('other')).toBe(await title('one'));
      // One slot: it waits for the first two, and says what goes wrong with it.
      expect(await title('broken')).toMatch(/^Waiting 0 B\n[\s\S]*Retrying[\s\S]*got 1\.0 kB\n$/);
      expect([...asked]).toEqual([
        ['blob', 1],
        ['flaky', 2],
        ['endless', 1],
      ]);
      await page.getByText('Downloading 1.0 kB', { exact: true }).waitFor();
      await page.click('#leave');
      await page.waitForSelector('#endless[data-ended]');
      await until(() => endless.destroyed);
      expect(problems).toEqual([]);
    } finally {
      await browser.close();
      await server.close();
    }
  }, 180_000);
});
