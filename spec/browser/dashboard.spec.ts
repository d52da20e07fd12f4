import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { catchError, EMPTY, type Subscription } from 'rxjs';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { launchBrowser } from '../support/browser.js';
import { startCli } from '../support/cli.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const folder = join(__dirname, '../../dist/dashboard');

describeWithPeers(['chromium'], 'the dashboard', () => {
  let browser: Browser;
  let registry: TestRegistry;
  let running: RunningEngine;
  let page: Page;
  let url: string;
  const problems: string[] = [];
  const pulls: Subscription[] = [];

  beforeAll(async () => {
    if (!existsSync(folder)) throw new Error('The page is not built: npm run build');
    browser = await launchBrowser();
    const base = [{ name: 'base', size: 400_000 }];
    registry = await startRegistry();
    for (const name of ['web', 'worker']) {
      const layers = [base, [{ name, size: 600_000 }]];
      registry.addImage(`demo/${name}`, 'v1', await sampleImage({ layers }));
    }
    registry.inject({
      match: { path: /\/blobs\// },
      fault: { kind: 'rate', bytesPerSecond: 100_000 },
    });
  }, 120_000);
  beforeEach(async () => {
    running = await startEngine();
    url = await running.engine.openDashboard('tcp:127.0.0.1:0', folder);
    page = await browser.newPage();
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
  }, 60_000);
  afterEach(async () => {
    for (const subscription of pulls.splice(0)) subscription.unsubscribe();
    await page.close();
    await running.close();
  });
  afterAll(async () => {
    await browser.close();
    await registry.close();
    removeTemporaryFolders();
  });

  function pull(name: string): string {
    const reference = `${registry.host}/demo/${name}:v1`;
    const pull$ = running.engine.track('pull', reference, running.rxfer.pull(reference));
    pulls.push(pull$.pipe(catchError(() => EMPTY)).subscribe());
    return reference;
  }

  it('shows what moves and who shares it, cancels a pull and changes the concurrency', async () => {
    await page.goto(url);
    const status = page.getByRole('status');
    await until(async () => (await status.textContent()) === 'Live');
    const [web, worker] = [pull('web'), pull('worker')];
    const rows = page.locator('#layers tr');
    await until(async () => (await rows.count()) === 3);
    expect(await rows.first().locator('.chip').allTextContents()).toEqual(['1', '2']);
    await until(async () => (await page.locator('#layers .bar.moving').count()) > 0);
    await until(async () =>
      /^Downloading \d+ %$/.test((await rows.first().locator('.phase').textContent()) ?? ''),
    );

    // By keyboard alone.
    const limit = page.getByLabel('Layers at a time');
    expect(await limit.inputValue()).toBe('3');
    await limit.focus();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('7');
    await page.keyboard.press('Enter');
    const limits: number[] = [];
    const watching = running.rxfer.downloads$.subscribe((state) => limits.push(state.limit));
    await until(() => limits.at(-1) === 7);
    await page.getByRole('button', { name: 'One fewer' }).press('Enter');
    await until(() => limits.at(-1) === 6);
    watching.unsubscribe();

    await page.getByRole('button', { name: `Cancel Pull of ${web}` }).press('Enter');
    const [second, first] = [
      page.locator('#operations li').nth(0),
      page.locator('#operations li').nth(1),
    ];
    await until(async () =>
      ((await first.textContent()) ?? '').includes('It was cancelled in the dashboard'),
    );
    expect(await page.locator('#announcer').textContent()).toMatch(/web:v1: Cancelled/);
    expect(await first.getByRole('button').isDisabled()).toBe(true);
    await rows.filter({ hasText: 'Cancelled' }).waitFor();
    await until(async () => ((await second.textContent()) ?? '').includes('Done'));
    expect((await running.store.images.list()).map(({ reference }) => reference)).toEqual([worker]);
    expect(await page.locator('#layers .mark').count()).toBe(2);

    // Whoever comes later sees the same.
    const other = await browser.newPage();
    await other.goto(url);
    await until(async () => (await other.locator('#operations li').count()) === 2);
    await until(async () => (await other.locator('#layers tr').count()) === 3);
    await other.close();
    expect(problems).toEqual([]);
  }, 120_000);

  it.each(['light', 'dark'] as const)(
    'can be read in %s, wide and narrow',
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      await page.goto(url);
      pull('web');
      await until(async () => (await page.locator('#layers tr').count()) === 2);
      await until(async () => (await page.getByRole('status').textContent()) === 'Live');
      for (const width of [1200, 400]) {
        await page.setViewportSize({ width, height: 800 });
        expect(await page.evaluate(overflows)).toBe(false);
        const contrasts = await page.evaluate<[string, number][]>(contrastsOfTexts);
        expect(contrasts.length).toBeGreaterThan(20);
        expect(contrasts.filter(([, contrast]) => contrast < 4.5)).toEqual([]);
      }
      expect(await page.evaluate(unnamedControls)).toEqual([]);
    },
    60_000,
  );

  it('lets nobody steer it without the token, or from another page', async () => {
    const origin = new URL(url).origin;
    const token = new URL(url).hash.slice(1);
    const ask = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
      const type = { 'content-type': 'application/json' };
      const init = { method: 'POST', headers: { ...type, ...headers }, body: '{"limit":5}' };
      return (await fetch(origin + path, init)).status;
    };
    const shown = { 'x-rxfer-token': token };
    expect(await ask('/concurrency')).toBe(403);
    expect(await ask('/concurrency', { 'x-rxfer-token': `${token}x` })).toBe(403);
    expect(await ask('/concurrency', { ...shown, origin: 'http://evil.example' })).toBe(403);
    expect(await ask('/concurrency', { ...shown, origin })).toBe(204);
    expect(await ask('/operations/99/cancel', shown)).toBe(404);
    expect((await fetch(`${origin}/events`)).status).toBe(403);
    const { headers, status } = await fetch(origin);
    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await fetch(`${origin}/images/json`)).status).toBe(404);
    expect((await fetch(`${origin}/assets/..%2f..%2findex.html`)).status).toBe(404);
    await page.goto(origin);
    await until(async () =>
      ((await page.getByRole('status').textContent()) ?? '').includes('not the whole address'),
    );
    problems.splice(0);
  }, 60_000);

  it('says when it knows nothing any more, stands still, and begins anew', async () => {
    const { port, hash } = new URL(url);
    const way = await startWay(Number(port));
    await page.goto(`http://127.0.0.1:${way.port}/${hash}`);
    const status = page.getByRole('status');
    const span = page.locator('#span');
    await until(async () => (await status.textContent()) === 'Live');
    const reference = pull('web');
    await until(async () => (await page.locator('#layers .bar.moving').count()) > 0);

    way.close();
    await until(async () => ((await status.textContent()) ?? '').includes('connection is lost'));
    const shown = await span.textContent();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await span.textContent()).toBe(shown);

    way.open();
    await until(async () => (await status.textContent()) === 'Live');
    await until(async () => (await page.locator('#layers tr').count()) === 2);
    const cancel = page.getByRole('button', { name: `Cancel Pull of ${reference}` });
    expect(await cancel.count()).toBe(1);
    await until(async () => (await page.locator('[data-outcome=done]').count()) === 1);
    await way.end();
    problems.splice(0);
  }, 60_000);

  it('shows the demonstration', async () => {
    const demo = startCli(['demo', '--ui', '--progress', 'none']);
    await until(() => /^Open (\S+)\n/.test(demo.stderr()));
    await page.goto(/^Open (\S+)\n/.exec(demo.stderr())?.[1] ?? '');
    await until(async () => (await page.locator('#layers tr').count()) === 5);
    await until(() => demo.stderr().includes('The dashboard stays until Ctrl-C'));
    // The page hears of it by itself, a moment before or after.
    const done = page.locator('#operations [data-outcome=done]');
    await until(async () => (await done.count()) === 2);
    demo.process.kill('SIGINT');
    const { code, stdout } = await demo.outcome;
    expect(code).toBe(0);
    expect(stdout).toContain('2 of 7 layers were fetched once for both images');
  }, 120_000);
});

/** A way to a port of loopback that can be closed, and opened again. */
async function startWay(target: number): Promise<{
  readonly port: number;
  close(): void;
  open(): void;
  end(): Promise<void>;
}> {
  const sockets = new Set<Socket>();
  let isOpen = true;
  const server = createServer((socket) => {
    if (!isOpen) {
      socket.destroy();
      return;
    }
    const beyond = connect(target, '127.0.0.1');
    for (const [end, other] of [
      [socket, beyond],
      [beyond, socket],
    ] as const) {
      sockets.add(end);
      end.on('error', () => undefined).on('close', () => other.destroy());
      end.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    close,
    open: () => (isOpen = true),
    end: async () => {
      close();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Whether the page is wider than its window. Runs in the page. */
const overflows = 'document.documentElement.scrollWidth > innerWidth';

/** The controls that a screen reader has no name for. Runs in the page. */
const unnamedControls = `[...document.querySelectorAll('button, input, progress, svg, [role=region]')]
  .filter((one) => !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') ||
    one.labels?.length || one.textContent.trim()))
  .map((one) => one.outerHTML)`;

/** Each text with its contrast to what is behind it (WCAG 2.1, 1.4.3). Runs in the page. */
const contrastsOfTexts = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (one) => {
    for (let each = one; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((one) => one.offsetParent !== null && !one.disabled)
    .map((one) => {
      const [a, b] = [luminance(getComputedStyle(one).color), luminance(background(one))];
      return [one.textContent, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    });
})()`;
