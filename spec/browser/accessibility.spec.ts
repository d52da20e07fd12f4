import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { catchError, EMPTY, type Subscription } from 'rxjs';
import {
  emptyTimeline,
  reduceTimeline,
  toTimelineHtml,
  type ImageProgressEvent,
  type Timeline,
} from '../../src/progress/index.js';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { launchBrowser } from '../support/browser.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { describeWithPeers } from '../support/peers.js';
import { layerDone, progressOf, resolvedImage } from '../support/progress-events.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const dashboard = join(__dirname, '../../dist/dashboard');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

describeWithPeers(['chromium'], 'by the rules of WCAG 2.2 AA that axe checks,', () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => (browser = await launchBrowser()), 120_000);
  beforeEach(async () => (page = await browser.newPage()), 60_000);
  afterEach(() => page.close());
  afterAll(async () => {
    await browser.close();
    removeTemporaryFolders();
  });

  /** What is wrong with the page as it is, in light and dark, wide and narrow. */
  async function violations(): Promise<string[]> {
    const found: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1200, 400]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        const outcome = await page.evaluate<AxeResults>(`axe.run(${JSON.stringify(rules)})`);
        expect(outcome.passes.length).toBeGreaterThan(10);
        for (const { id, nodes } of outcome.violations) {
          found.push(`${colorScheme} ${width}: ${id} at ${nodes.map(({ html }) => html).join()}`);
        }
      }
    }
    return found;
  }

  describe('the dashboard', () => {
    let registry: TestRegistry;
    let running: RunningEngine;
    const pulls: Subscription[] = [];
    const pull = (name: string): void => {
      const reference = `${registry.host}/${name}`;
      const pull$ = running.engine.track('pull', reference, running.rxfer.pull(reference));
      pulls.push(pull$.pipe(catchError(() => EMPTY)).subscribe());
    };

    beforeAll(async () => {
      registry = await startRegistry();
      const names = Array.from({ length: 45 }, (_, index) => `layer-${index}`);
      const layers = names.map((name) => [{ name, size: 50_000 }]);
      registry.addImage('many', 'v1', await sampleImage({ layers }));
      const match = { path: /\/blobs\// };
      registry.inject({ match, fault: { kind: 'rate', bytesPerSecond: 50_000 } });
    });
    beforeEach(async () => {
      running = await startEngine();
      const url = await running.engine.openDashboard('tcp:127.0.0.1:0', dashboard);
      // The page's policy lets no other script in, not even that of a spec.
      await page.addInitScript(axe);
      await page.goto(url);
      await until(async () => (await page.getByRole('status').textContent()) === 'Live');
    });
    afterEach(async () => {
      for (const subscription of pulls.splice(0)) subscription.unsubscribe();
      await running.close();
    });
    afterAll(() => registry.close());

    it('is in order while there is nothing to see', async () => {
      expect(await violations()).toEqual([]);
    }, 60_000);

    it('is in order while much moves, and something fails', async () => {
      pull('many:v1');
      pull('none:v1');
      await until(async () => (await page.locator('#layers tr').count()) === 45);
      await until(async () => (await page.locator('[data-outcome=failed]').count()) === 1);
      expect(await violations()).toEqual([]);
    }, 60_000);

    it('is steered by keyboard from its beginning to its end', async () => {
      pull('many:v1');
      await until(async () => (await page.locator('#layers tr').count()) === 45);
      const stops: string[] = [];
      for (let count = 0; count < 5; count++) {
        await page.keyboard.press('Tab');
        stops.push(await page.evaluate<string>(focusedName));
      }
      expect(stops).toEqual([
        'One fewer',
        'Layers at a time',
        'One more',
        `Cancel Pull of ${registry.host}/many:v1`,
        'Waterfall of the layers',
      ]);
      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('Space');
      await until(async () => (await page.locator('[data-outcome=cancelled]').count()) === 1);
      const announced = page.locator('[aria-live=polite]');
      await until(async () => ((await announced.textContent()) ?? '').includes(': Cancelled'));
      // Whoever pressed it keeps their place.
      expect(await page.evaluate(focusedName)).toMatch(/^Cancel Pull of /);
    }, 60_000);
  });

  it.each(['nothing', 'one layer', 'twelve layers, retries and a failure'])(
    'a timeline is in order with %s',
    async (content) => {
      const file = join(temporaryFolder(), 'timeline.html');
      writeFileSync(file, toTimelineHtml(timelines[content] ?? emptyTimeline));
      // Its policy lets no script in.
      await page.addInitScript(axe);
      await page.goto(`file://${file}`);
      expect(await violations()).toEqual([]);
      await page.setViewportSize({ width: 400, height: 800 });
      expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
    },
    60_000,
  );
});

const rules = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
};

/** What a screen reader calls that which has the focus. Runs in the page. */
const focusedName = `(() => {
  const { activeElement: one } = document;
  return one.getAttribute('aria-label') ?? one.labels?.[0]?.textContent ?? one.tagName;
})()`;

function timelineOf(...events: readonly ImageProgressEvent[]): Timeline {
  return events.reduce(
    (timeline, value, index) => reduceTimeline(timeline, { value, timestamp: index * 100 }),
    emptyTimeline,
  );
}

const ids = Array.from({ length: 12 }, (_, index) => `layer${String(index).padStart(7, '0')}`);
const sizes = Object.fromEntries(ids.map((id) => [id, 1000]));
const timelines: Readonly<Record<string, Timeline>> = {
  'one layer': timelineOf(
    resolvedImage({ a: 100 }),
    progressOf('a', 'Downloading', { current: 100, total: 100 }),
    progressOf('a', 'Verifying Checksum'),
    progressOf('a', 'Extracting'),
    layerDone('a'),
  ),
  'twelve layers, retries and a failure': timelineOf(
    resolvedImage(sizes, 'registry.example.com/a/rather/long/name/of/an/image:v1.2.3'),
    resolvedImage(sizes, 'registry.example.com/another:v1'),
    ...ids.flatMap((id, index) => [
      progressOf(id, 'Downloading', { current: 500, total: 1000 }),
      progressOf(id, 'Retrying', { retryIn: 1 }),
      progressOf(id, 'Downloading', { current: 900, total: 1000 }),
      ...(index === 11 ? [] : [layerDone(id)]),
    ]),
  ),
};
