import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
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
});
