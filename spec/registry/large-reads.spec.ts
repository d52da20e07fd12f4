import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { largeReads } from '../../src/registry/large-reads.js';

const usual = 64 * 1024;
const content = randomBytes(16 * 1024 * 1024);

let server: Server;
let port: string;

beforeAll(async () => {
  server = createServer((socket) => socket.on('error', () => undefined).end(content));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  port = String((server.address() as AddressInfo).port);
});
afterAll(() => once(server.close(), 'close'));

function connect(hostname: string, to = port): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const place = { hostname, host: hostname, protocol: 'http:', port: to };
    largeReads({ timeout: 5000 })(place, (error, socket) => {
      if (error === null) resolve(socket);
      else reject(error);
    });
  });
}

it.each(['127.0.0.1', 'localhost'])('bring all bytes of %s, in their order', async (hostname) => {
  const hash = createHash('sha256');
  for await (const chunk of await connect(hostname)) hash.update(chunk as Buffer);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
});

it('are larger than usual, no more than their reader takes, and stay what they were', async () => {
  const socket = await connect('127.0.0.1');
  let largest = 0;
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    largest = Math.max(largest, chunk.length);
    await delay(1);
    // One that was read, and what waited before it.
    expect(socket.readableLength).toBeLessThanOrEqual(512 * 1024 + usual);
  }
  expect(largest).toBeGreaterThan(usual);
  expect(largest).toBeLessThanOrEqual(512 * 1024 + usual);
  expect(Buffer.concat(chunks).equals(content)).toBe(true);
});

it('tell that nobody listens', async () => {
  const closed = createServer();
  await once(closed.listen(0, '127.0.0.1'), 'listening');
  const free = String((closed.address() as AddressInfo).port);
  await once(closed.close(), 'close');
  await expect(connect('127.0.0.1', free)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
