import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { openLink } from './link.js';

describe('a slow link', () => {
  it('brings what its far end sent before it closed, no sooner than a link of its kind', async () => {
    const size = 100_000;
    const server = createServer((socket) =>
      socket.once('data', () => socket.end(Buffer.alloc(size))),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const link = await openLink(target, { bytesPerSecond: 1_000_000, delay: 20 });
    try {
      const begin = performance.now();
      const socket = connect(Number(link.host.split(':')[1]), '127.0.0.1');
      socket.write('send it');
      let received = 0;
      socket.on('data', (chunk: Buffer) => (received += chunk.length));
      await once(socket, 'close');
      expect(received).toBe(size);
      // 100 ms for the bytes, two round trips for the connection and the question.
      expect(performance.now() - begin).toBeGreaterThan(100 + 80 - 5);
    } finally {
      await link.close();
      server.close();
    }
  });

  it('keeps the order of bytes, also of those that are late', async () => {
    const bytes = randomBytes(3_000_000);
    const server = createServer((socket) => socket.once('data', () => socket.end(bytes)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const link = await openLink(target, { bytesPerSecond: 50_000_000, delay: 5 });
    // So that some timers fire after their time.
    const hold = setInterval(() => {
      for (const begin = performance.now(); performance.now() - begin < 4;);
    }, 5);
    try {
      const received = Array.from({ length: 4 }, () => {
        const socket = connect(Number(link.host.split(':')[1]), '127.0.0.1');
        socket.write('send it');
        return buffer(socket);
      });
      for (const each of await Promise.all(received)) expect(each.equals(bytes)).toBe(true);
    } finally {
      clearInterval(hold);
      await link.close();
      server.close();
    }
  });
});
