import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { shortDigest } from '../../src/oci/index.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { Terminal } from '../support/tmux.js';
import { until } from '../support/until.js';

describeWithPeers(['tmux'], 'a pull on a terminal', () => {
  let registry: TestRegistry;
  let web: SampleImage;
  let worker: SampleImage;
  let many: SampleImage;
  let small: SampleImage;
  const terminals: Terminal[] = [];

  beforeAll(async () => {
    registry = await startRegistry();
    const layer = (name: string, size: number) => [{ name, size }];
    const base = layer('base', 900_000);
    web = await sampleImage({ layers: [base, layer('web', 600_000)] });
    worker = await sampleImage({ layers: [base, layer('worker', 500_000)] });
    const names = Array.from({ length: 20 }, (_, index) => `many-${index}`);
    many = await sampleImage({ layers: names.map((name) => layer(name, 100_000)) });
    small = await sampleImage({ layers: [layer('small', 1000)] });
    registry.addImage('web', 'v1', web);
    registry.addImage('worker', 'v1', worker);
    registry.addImage('many', 'v1', many);
    registry.inject({
      match: { path: /(?:web|worker|many)\/blobs\// },
      fault: { kind: 'rate', bytesPerSecond: 200_000 },
    });
    registry.addImage('stalled', 'v1', many);
    registry.inject({
      match: { path: /stalled\/blobs\// },
      fault: { kind: 'stall', afterBytes: 50_000 },
    });
    registry.addImage('small', 'v1', small);
  });
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.close();
  });
  afterAll(async () => {
    await registry.close();
    removeTemporaryFolders();
  });

  const idsOf = (...images: readonly SampleImage[]): string[] => [
    ...new Set(images.flatMap(({ layers }) => layers.map(({ digest }) => shortDigest(digest)))),
  ];
  const pull = (
    names: readonly string[],
    options: {
      readonly columns?: number;
      readonly rows?: number;
      readonly environment?: Record<string, string>;
      readonly args?: readonly string[];
    } = {},
  ): Terminal => {
    const { columns = 110, rows = 24, environment = {}, args = [] } = options;
    const references = names.map((name) => `${registry.host}/${name}:v1`);
    const all = ['pull', ...references, '--store', temporaryFolder(), ...args];
    const terminal = new Terminal(all, { columns, rows, environment });
    terminals.push(terminal);
    return terminal;
  };
  const downloading = (terminal: Terminal): Promise<void> =>
    until(() => terminal.lines().some((line) => /Downloading .*kB\/s/.test(line)));

  it('shows phase, bar, bytes and rate by layer and a total with the time left; two pulls share it', async () => {
    const terminal = pull(['web', 'worker']);
    const moving =
      /^[0-9a-f]{12} {2}Downloading +\[=*>? *\] +[\d.]+ k?B\/[\d.]+ kB +[\d.]+ k?B\/s$/;
    const total =
      /^Total +0 of 3 layers, \d+s left +\[=*> *\] +[\d.]+ [kM]?B\/2\.0 MB +[\d.]+ k?B\/s$/;
    await until(() => terminal.lines().filter((line) => moving.test(line)).length === 3);
    await until(() => total.test(terminal.lines().at(-1) ?? ''));
    const ids = idsOf(web, worker);
    const shown = terminal.lines().map((line) => line.slice(0, 12).trimEnd());
    expect(shown).toEqual([...(shown[1] === ids[1] ? ids : idsOf(worker, web)), 'Total']);
    expect(terminal.showsCursor()).toBe(false);
    // eslint-disable-next-line no-control-regex
    expect(terminal.colored()).toMatch(/\u001b\[1m/);

    expect(await terminal.ended()).toBe(0);
    const end = terminal.history();
    expect(end.slice(0, 4).map((line) => line.replace(/ {2,}/g, ' '))).toEqual([
      ...shown
        .slice(0, 3)
        .map((id) => expect.stringMatching(`^${id} Pull complete .*kB$`) as string),
      expect.stringMatching(/^Total 3 of 3 layers \[=+\] 2\.0 MB\/2\.0 MB$/) as string,
    ]);
    expect(end[4]).toBe(`${registry.host}/web:v1`);
    expect(end[7]).toBe(`${registry.host}/worker:v1`);
    expect(end.slice(10)).toEqual(['exit code 0']);
    expect(terminal.showsCursor()).toBe(true);
  });

  it('sums up the layers that find no row, and leaves nothing behind', async () => {
    const terminal = pull(['many'], { rows: 10, args: ['--concurrency', '4'] });
    const downloading = (line: string): boolean => line.includes('Downloading');
    let lines: string[] = [];
    await until(() => {
      lines = terminal.lines();
      // A layer is shown as downloading for up to a tenth of a second after the next has its slot.
      const isSettled = lines.filter(downloading).length <= 4;
      return isSettled && lines.some((line) => /^\d+ more .* done, /.test(line));
    });
    expect(lines.length).toBeLessThanOrEqual(9);
    expect(lines.at(-1)).toMatch(/^Total +\d+ of 20 layers/);
    expect(lines.filter(downloading).length).toBeLessThanOrEqual(4);
    expect(await terminal.ended()).toBe(0);
    expect(terminal.history().filter((line) => line.startsWith('Total'))).toHaveLength(1);
  });

  // Lower each time: a higher terminal shows again what a lower one pushed into its history.
  it('follows the size of the terminal, and leaves nothing behind on it', async () => {
    const terminal = pull(['web', 'worker']);
    await downloading(terminal);
    const barOfTotal = (): number =>
      /^Total.*(\[.*\])/m.exec(terminal.lines().join('\n'))?.[1]?.length ?? 0;
    for (const [columns, rows, bar] of [
      [50, 20, 0],
      [120, 12, 42],
      [90, 5, 20],
    ] as const) {
      terminal.resize(columns, rows);
      await until(() => barOfTotal() === bar);
      const names = terminal.lines().map((line) => line.slice(0, 12).trimEnd());
      expect([...names].sort()).toEqual([...idsOf(web, worker), 'Total'].sort());
    }
    expect(await terminal.ended()).toBe(0);
  });

  it('takes back what a lower terminal pushed into its history, as a higher one shows it again', async () => {
    // Nothing is drawn but because of the size: until tmux tells of it, what is drawn goes wrong.
    const terminal = pull(['stalled']);
    const layers = (): string[] =>
      terminal.lines().flatMap((line) => /^[0-9a-f]{12}(?= )/.exec(line) ?? []);
    const isStalled = (line: string): boolean => /Downloading .* 50\.0 kB\//.test(line);
    const isSummed = (): boolean => terminal.lines().some((line) => /^\d+ more /.test(line));
    const isWhole = (): boolean => layers().join() === idsOf(many).join();
    await until(() => isWhole() && terminal.lines().filter(isStalled).length === 3);
    for (const [columns, rows] of [
      [110, 9],
      [40, 7],
      [100, 15],
    ] as const) {
      terminal.resize(columns, rows);
      // The summary and the total each have a row, and the cursor.
      await until(
        () =>
          isSummed() &&
          layers().join() ===
            idsOf(many)
              .slice(0, rows - 3)
              .join(),
      );
    }
    terminal.resize(110, 40);
    await until(() => isWhole() && terminal.history().length === 21);
    terminal.press('C-c');
    expect(await terminal.ended()).toBe(130);
  });

  it('tells of a pull that fails as it does so, above what the others go on drawing', async () => {
    const told = (line: string): boolean => line.includes('/missing:v1: Pull failed: ');
    const terminal = pull(['missing', 'web'], { columns: 90 });
    await until(() => told(terminal.lines().join('')));
    await downloading(terminal);
    expect(terminal.lines()[0]).toMatch(new RegExp(`^${registry.host}/missing:v1: Pull failed: `));
    expect(terminal.lines().at(-1)).toMatch(/^Total /);
    // eslint-disable-next-line no-control-regex
    expect(terminal.colored()).toMatch(/^\u001b\[31m/);
    expect(await terminal.ended()).toBe(1);
    const end = terminal.history();
    expect(end.filter((line) => line.startsWith('Total'))).toHaveLength(1);
    expect(end.filter((line) => line.includes('Pull failed'))).toHaveLength(1);
    const total = end.findIndex((line) => line.startsWith('Total'));
    expect(end.findIndex((line) => line.startsWith('rxfer: '))).toBeGreaterThan(total);
  });

  it('ends at once on Ctrl-C, and gives the cursor back', async () => {
    const terminal = pull(['web']);
    await downloading(terminal);
    terminal.press('C-c');
    expect(await terminal.ended()).toBe(130);
    expect(terminal.lines().at(-2)).toMatch(/^(?:\^C)?rxfer: interrupted$/);
    expect(terminal.showsCursor()).toBe(true);
  });

  it.each([
    ['NO_COLOR', { environment: { NO_COLOR: '1' } }],
    ['--no-color', { args: ['--no-color'] }],
  ])('has no colours with %s', async (_, options) => {
    const terminal = pull(['web'], options);
    await downloading(terminal);
    // eslint-disable-next-line no-control-regex
    expect(terminal.colored()).not.toMatch(/\u001b\[[\d;]*m/);
    expect(terminal.lines().at(-1)).toMatch(/^Total .*\[/);
  });

  it.each([
    ['a dumb terminal', { TERM: 'dumb' }],
    ['a terminal that is the log of a CI', { CI: 'true' }],
  ])('has a line per phase on %s', async (_, environment) => {
    const terminal = pull(['small'], { environment });
    expect(await terminal.ended()).toBe(0);
    const lines = terminal.history();
    const [id] = idsOf(small);
    expect(lines.filter((line) => line === `${id}: Downloading`)).toHaveLength(1);
    expect(lines.some((line) => line.startsWith('Total'))).toBe(false);
  });
});
