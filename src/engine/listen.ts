import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { formatListenAddress, isLoopback, type ListenAddress } from './address.js';
import { ListenError } from './errors.js';
import { listenError, listenOnSocket } from './unix-socket.js';

/** Who may reach a server over tcp. */
export type Reach = 'loopback' | 'network';

/** A server that listens. */
export interface Listening {
  /** Where, with the port that it has got. */
  readonly address: ListenAddress;
  /** Removes what it left in the file system, once the server is closed. */
  readonly remove: () => Promise<void>;
}

/** @throws ListenError */
export async function listenOn(
  server: Server,
  address: ListenAddress,
  reach: Reach,
): Promise<Listening> {
  if (address.kind === 'unix') {
    return { address, remove: await listenOnSocket(server, address.path) };
  }
  const { host, port } = address;
  if (reach === 'loopback' && !isLoopback(host)) {
    throw new ListenError(
      formatListenAddress(address),
      'others could reach it, and whoever reaches it may do anything with it',
      'Choose tcp:127.0.0.1:PORT or unix:PATH, or allow it (--allow-remote).',
    );
  }
  try {
    const listening = once(server, 'listening');
    server.listen({ host, port });
    await listening;
  } catch (error) {
    throw listenError(formatListenAddress(address), error);
  }
  const bound = server.address() as AddressInfo;
  return { address: { kind: 'tcp', host, port: bound.port }, remove: () => Promise.resolve() };
}
