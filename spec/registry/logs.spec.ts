import { inspect } from 'node:util';
import { lastValueFrom } from 'rxjs';
import { createMemoryStore, createRxfer, type LogFields, type Logger } from '../../src/index.js';
import type { RegistryClientOptions } from '../../src/registry/index.js';
import { sampleImage, type SampleImage, type TestRegistry } from '../../src/testing/index.js';
import { jsonLines } from '../guide/examples/log-lines.js';
import { closeAll, closedPort, openClient, openRegistry } from '../support/loopback.js';

interface Line extends LogFields {
  readonly level: string;
  readonly message: string;
}

const username = 'ali';
const password = 'open-sesame';
let lines: Line[];
let logger: Logger;
let image: SampleImage;

beforeAll(async () => {
  image = await sampleImage({ layers: [[{ name: 'file', size: 100_000 }]] });
});
beforeEach(() => {
  lines = [];
  logger = jsonLines('trace', (line) => lines.push(JSON.parse(line) as Line));
});
afterEach(closeAll);

function open(options: RegistryClientOptions = {}) {
  const registry = openClient({ logger, ...options });
  const store = createMemoryStore();
  return createRxfer({ store, registry, logger, delay: () => 1, maxAttempts: 3 });
}

function of(message: string): Line[] {
  return lines.filter((line) => line.message === message);
}

async function openSecret(): Promise<TestRegistry> {
  const registry = await openRegistry({ auth: { kind: 'bearer', username, password } });
  registry.addImage('app', 'v1', image);
  return registry;
}

it('tells of requests, tokens and layers, and of no secret', async () => {
  const registry = await openSecret();
  const credentials = () => Promise.resolve({ kind: 'basic', username, password } as const);
  await lastValueFrom(open({ credentials }).pull(`${registry.host}/app:v1`));
  const { digest } = image.layers[0]!;
  expect(of('HTTP request')).toContainEqual({
    level: 'debug',
    message: 'HTTP request',
    method: 'GET',
    host: registry.host,
    path: `/v2/app/blobs/${digest}`,
    status: 200,
    ms: expect.any(Number) as unknown,
  });
  expect(of('HTTP request')).toHaveLength(registry.requests.length);
  expect(of('new token').at(-1)).toMatchObject({
    level: 'debug',
    host: registry.host,
    scopes: 'repository:app:pull',
  });
  expect(of('layer registered')).toMatchObject([{ level: 'debug', digest, status: 'pulled' }]);
  const told = JSON.stringify(lines);
  const shown = registry.requests.flatMap(
    ({ authorization }) => authorization?.split(' ')[1] ?? [],
  );
  expect(shown.length).toBeGreaterThan(1);
  for (const secret of [password, ...shown]) expect(told).not.toContain(secret);
  expect(told).not.toContain('?');
});

it('warns of another attempt and of the next host', async () => {
  const registry = await openRegistry();
  registry.addImage('app', 'v1', image);
  const mirror = await closedPort();
  const { digest } = image.layers[0]!;
  registry.inject({ match: { path: /blobs/ }, fault: { kind: 'status', status: 503 }, times: 2 });
  await lastValueFrom(open({ mirrors: [`http://${mirror}`] }).pull(`${registry.host}/app:v1`));
  expect(of('asking the next host')[0]).toMatchObject({
    level: 'warn',
    host: mirror,
    next: registry.host,
    code: 'ERR_CONNECTION',
  });
  expect(of('trying again')[0]).toMatchObject({ level: 'warn', failures: 1 });
  expect(of('HTTP request failed')[0]).toMatchObject({ host: mirror, code: 'ERR_CONNECTION' });
  expect(of('layer registered')).toMatchObject([{ digest }]);
});

it('tells where a blob goes on', async () => {
  const registry = await openRegistry();
  registry.addImage('app', 'v1', image);
  const { digest, size } = image.layers[0]!;
  registry.inject({ match: { digest }, fault: { kind: 'reset', afterBytes: 50_000 }, times: 1 });
  await lastValueFrom(open().pull(`${registry.host}/app:v1`));
  const [resumed] = of('blob resumed');
  expect(resumed).toMatchObject({ level: 'info', digest, size });
  expect(resumed?.['offset']).toBeGreaterThan(0);
});

it('leaves out the path where a registry sends us to another host', async () => {
  const elsewhere = await openRegistry();
  elsewhere.addImage('app', 'v1', image);
  const registry = await openRegistry();
  registry.addImage('app', 'v1', image);
  const { digest } = image.layers[0]!;
  const location = `http://${elsewhere.host}/v2/app/blobs/${digest}?signature=secret`;
  registry.inject({
    match: { digest },
    fault: { kind: 'status', status: 307, headers: { location } },
  });
  await lastValueFrom(open().pull(`${registry.host}/app:v1`));
  const sentOn = of('HTTP request').filter(({ host }) => host === elsewhere.host);
  expect(sentOn).toMatchObject([{ status: 200, method: 'GET' }]);
  expect(inspect(sentOn)).not.toMatch(/path|signature|blobs/);
});

it('is silent by default', async () => {
  const registry = await openRegistry();
  registry.addImage('app', 'v1', image);
  const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const rxfer = createRxfer({ store: createMemoryStore(), registry: openClient() });
    await lastValueFrom(rxfer.pull(`${registry.host}/app:v1`));
    expect(written).not.toHaveBeenCalled();
  } finally {
    written.mockRestore();
  }
});
