import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { CollectedLogs } from '../support/collected-logs.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const login = Buffer.from(JSON.stringify({ username: 'ali', password: 'open-sesame' }));
let logs: CollectedLogs;
let registry: TestRegistry;
let running: RunningEngine;
let socketPath: string;

beforeEach(async () => {
  logs = new CollectedLogs();
  registry = await startRegistry();
  registry.addImage('app', 'v1', await sampleImage({ layers: [[{ name: 'file', size: 1000 }]] }));
  socketPath = join(temporaryFolder(), 'engine.sock');
  running = await startEngine(`unix:${socketPath}`, { logger: logs.logger });
});
afterEach(async () => {
  await running.close();
  await registry.close();
});
afterAll(removeTemporaryFolders);

async function ask(method: string, path: string): Promise<IncomingMessage> {
  const headers = { 'x-registry-auth': login.toString('base64url') };
  const sent = request({ socketPath, method, path, headers, agent: false }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

const create = (name: string): string => `/images/create?fromImage=${registry.host}/${name}&tag=v1`;

it('tells what is asked for and what becomes of it, and of no secret', async () => {
  await text(await ask('POST', create('app')));
  await until(() => logs.of('request answered').length === 1);
  const about = { operation: '1', what: 'pull', reference: `${registry.host}/app:v1` };
  const ms = expect.any(Number) as unknown;
  expect(logs.lines).toEqual([
    { level: 'info', message: 'operation began', ...about },
    { level: 'info', message: 'operation ended', ...about, outcome: 'done', ms },
    {
      level: 'debug',
      message: 'request answered',
      method: 'POST',
      path: '/images/create',
      status: 200,
      ms,
    },
  ]);
  const told = JSON.stringify(logs.lines);
  for (const secret of ['open-sesame', login.toString('base64url')]) {
    expect(told).not.toContain(secret);
  }
});

it('warns of what fails, with the code of its error', async () => {
  await text(await ask('POST', create('nowhere')));
  expect(logs.of('operation ended')).toMatchObject([
    { level: 'warn', outcome: 'failed', code: 'ERR_NOT_FOUND' },
  ]);
});

it('tells why something was given up', async () => {
  registry.inject({ match: { path: /blobs/ }, fault: { kind: 'rate', bytesPerSecond: 100 } });
  const answer = await ask('POST', create('app'));
  answer.destroy();
  await until(() => logs.of('operation ended').length === 1);
  expect(logs.of('operation ended')).toMatchObject([
    { level: 'info', outcome: 'cancelled', reason: 'Whoever had asked for it hung up' },
  ]);
});

it('tells of a request that fails by a fault of its own', async () => {
  jest.spyOn(running.store.images, 'list').mockRejectedValue(new Error('open-sesame'));
  expect((await ask('GET', '/images/json')).resume().statusCode).toBe(500);
  expect(logs.of('request failed')).toEqual([
    {
      level: 'error',
      message: 'request failed',
      reason: 'Error',
      method: 'GET',
      path: '/images/json',
      status: 500,
    },
  ]);
});
