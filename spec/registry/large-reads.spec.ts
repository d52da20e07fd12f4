import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { giveBack } from '../../src/registry/lent-memory.js';
import { largeReads } from '../../src/registry/large-reads.js';

const usual = 64 * 1024;
const content = randomBytes(4 * 1024 * 1024);

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

(process.platform === 'win32' ? it.skip : it)('are larger than usual', async () => {
  const { largest } = await readSlowly(await connect('127.0.0.1'));
  expect(largest).toBeGreaterThan(usual);
});

it('are no more than their reader takes, and stay what they were', async () => {
  const { largest, bytes } = await readSlowly(await connect('127.0.0.1'));
  expect(largest).toBeLessThanOrEqual(512 * 1024 + usual);
  expect(bytes.equals(content)).toBe(true);
});

(process.platform === 'win32' ? it.skip : it)(
  'use the memory again that is given back',
  async () => {
    const hash = createHash('sha256');
    const memory = new Set<ArrayBufferLike>();
    for await (const chunk of (await connect('127.0.0.1')) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (chunk.length >= 256 * 1024) memory.add(chunk.buffer);
      // Others would find it overwritten.
      giveBack(chunk.fill(0));
      // So that the next read is a large one.
      await delay(2);
    }
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
    expect(memory.size).toBeGreaterThan(0);
    expect(memory.size).toBeLessThanOrEqual(3);
  },
);

(process.platform === 'win32' ? it.skip : it)(
  'lie one behind the other when they are small',
  async () => {
    const part = 16 * 1024;
    const parts = 60;
    const slow = createServer((socket) => {
      let sent = 0;
      // Each is asked for, so that no two are read as one.
      socket
        .on('error', () => undefined)
        .on('data', () => {
          if (sent === parts) socket.end();
          else socket.write(content.subarray(sent * part, ++sent * part));
        });
    });
    await once(slow.listen(0, '127.0.0.1'), 'listening');
    const socket = await connect('127.0.0.1', String((slow.address() as AddressInfo).port));
    const chunks: Buffer[] = [];
    socket.write('.');
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      socket.write('.');
    }
    await once(slow.close(), 'close');
    expect(Buffer.concat(chunks).equals(content.subarray(0, parts * part))).toBe(true);
    expect(chunks.length).toBeGreaterThanOrEqual(parts);
    // Of 512 KiB each, but for the first read, whose memory is shared.
    expect(new Set(chunks.slice(1).map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(3);
  },
);

it('are as usual with many sockets, of which each gets its own bytes', async () => {
  const sockets = await Promise.all(Array.from({ length: 24 }, () => connect('127.0.0.1')));
  const all = await Promise.all(sockets.map((socket) => readSlowly(socket)));
  // The last ones that are read have the more for themselves.
  expect(Math.min(...all.map(({ largest }) => largest))).toBeLessThanOrEqual(2 * usual);
  expect(all.every(({ bytes }) => bytes.equals(content))).toBe(true);
});

/** All bytes, and how many came at once at most; none are read ahead beyond two pieces. */
async function readSlowly(socket: Socket): Promise<{ largest: number; bytes: Buffer }> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    await delay(1);
    // One that was read, and what waited before it.
    expect(socket.readableLength).toBeLessThanOrEqual(512 * 1024 + usual);
  }
  return { largest: Math.max(...chunks.map(({ length }) => length)), bytes: Buffer.concat(chunks) };
}

it('tell that nobody listens', async () => {
  const closed = createServer();
  await once(closed.listen(0, '127.0.0.1'), 'listening');
  const free = String((closed.address() as AddressInfo).port);
  await once(closed.close(), 'close');
  await expect(connect('127.0.0.1', free)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
