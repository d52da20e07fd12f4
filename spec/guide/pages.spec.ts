import { cpSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import type { Browser, Page } from 'playwright-core';
import { createMemoryStore, createRegistryClient, createRxfer } from '../../src/index.js';
import { sampleImage, startRegistry } from '../../src/testing/index.js';
import { launchBrowser, listen, serveFiles } from '../support/browser.js';
import { bundle } from '../support/bundle.js';
import { installPackage, lendPackages, packPackage } from '../support/installed-package.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';
import { createEventsServer } from './examples/events-server.js';

describeWithPeers(['chromium'], "the guide's pages in Chromium", () => {
  let pages: string;
  let browser: Browser;

  beforeAll(async () => {
    // As somebody has it who copies them beside the package, with nothing of its sources.
    const folder = temporaryFolder();
    await installPackage(folder, await packPackage(folder));
    lendPackages(folder, 'react', 'react-dom');
    for (const file of ['page.html', 'react.html', 'use-snapshot.ts']) {
      cpSync(join(__dirname, 'examples', file), join(folder, file));
    }
    const input = [join(folder, 'page.html'), join(folder, 'react.html')];
    pages = await bundle(folder, { rolldownOptions: { input } });
    browser = await launchBrowser();
  }, 240_000);
  afterAll(async () => {
    await browser.close();
    removeTemporaryFolders();
  }, 60_000);

  /** Opens a page, lets it be looked at, and fails where a script of it does. */
  async function visit(url: string, look: (page: Page) => Promise<void>): Promise<void> {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    try {
      await page.goto(url);
      await look(page);
      expect(problems).toEqual([]);
    } finally {
      await page.close();
    }
  }

  it('the plain one shows a pull of its server, how it ends, and cancels it by being left', async () => {
    const registry = await startRegistry();
    const layers = ['bottom', 'top'].map((name) => [{ name, size: 200_000 }]);
    registry.addImage('app', 'v1', await sampleImage({ layers }));
    const client = createRegistryClient();
    const rxfer = createRxfer({ store: createMemoryStore(), registry: client, delay: () => 1 });
    const server = createEventsServer(rxfer);
    serveFiles(server, pages);
    const address = await listen(server);
    const urlOf = (name: string): string =>
      `${address}/page.html?reference=${registry.host}/${name}:v1`;
    let active = 0;
    const watching = rxfer.downloads$.subscribe((state) => (active = state.active));
    try {
      await visit(urlOf('app'), async (page) => {
        await page.getByRole('status').getByText('done').waitFor();
        const items = await page.getByRole('listitem').allTextContents();
        expect(items).toHaveLength(2);
        for (const item of items) expect(item).toMatch(/^\w{12}: Pull complete, \d+\.\d kB$/);
        const bar = page.getByRole('progressbar');
        expect(await bar.getAttribute('value')).toBe(await bar.getAttribute('max'));
      });
      await visit(urlOf('nothing'), (page) =>
        page.getByRole('status').getByText('nothing').waitFor(),
      );
      const slow = await sampleImage({ layers: [[{ name: 'slow', size: 200_000 }]] });
      registry.addImage('slow', 'v1', slow);
      registry.inject({ match: { path: /blobs/ }, fault: { kind: 'rate', bytesPerSecond: 1000 } });
      await visit(urlOf('slow'), (page) => page.getByText('Downloading').waitFor());
      await until(() => active === 0);
    } finally {
      watching.unsubscribe();
      await server.close();
      await client.close();
      await registry.close();
    }
  }, 90_000);

  it('the one with React draws each snapshot', async () => {
    const server = Fastify();
    serveFiles(server, pages);
    const address = await listen(server);
    try {
      await visit(`${address}/react.html`, async (page) => {
        const status = page.getByRole('status');
        await status.getByText('running: 40 of 100').waitFor();
        await status.getByText('done: 100 of 100').waitFor();
      });
    } finally {
      await server.close();
    }
  }, 90_000);
});
