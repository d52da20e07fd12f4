import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CuttingProxy {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Method, path without its query, and status, which is 0 for what was cut. */
  readonly requests: readonly { method: string; path: string; status: number }[];
  stop(): Promise<void>;
}

/**
 * Passes requests on to a server, under the Host that they came with, and resets the connection
 * of those for which `cut` tells after how many bytes of the request's body.
 */
export async function startCuttingProxy(
  target: string,
  cut: (request: IncomingMessage) => number | undefined,
): Promise<CuttingProxy> {
  const requests: { method: string; path: string; status: number }[] = [];
  const server = createServer((incoming, response) => {
    const { method = '', url = '', headers } = incoming;
    const logged = { method, path: url.replace(/\?.*/, ''), status: 0 };
    requests.push(logged);
    const limit = cut(incoming);
    if (limit === 0) {
      incoming.socket.resetAndDestroy();
      return;
    }
    const outgoing = request(`http://${target}${url}`, { method, headers, agent: false });
    let passed = 0;
    incoming.on('data', (chunk: Buffer) => {
      passed += chunk.length;
      outgoing.write(chunk);
      if (limit === undefined || passed < limit) return;
      outgoing.destroy();
      incoming.socket.resetAndDestroy();
    });
    incoming.on('end', () => outgoing.end());
    outgoing.on('error', () => response.destroy());
    outgoing.on('response', (answer) => {
      logged.status = answer.statusCode ?? 0;
      response.writeHead(logged.status, answer.headers);
      answer.pipe(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
