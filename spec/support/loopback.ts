import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from '../../src/registry/index.js';
import {
  startRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '../../src/testing/index.js';

import {
  startDockerRegistry,
  type DockerRegistry,
  type DockerRegistryOptions,
} from './docker-registry.js';

const closings: (() => Promise<void>)[] = [];

/** Ends all that was opened here. For `afterEach`. */
export async function closeAll(): Promise<void> {
  await Promise.all(closings.splice(0).map((close) => close()));
}

/** A client that {@link closeAll} closes. */
export function openClient(options: RegistryClientOptions = {}): RegistryClient {
  const client = createRegistryClient(options);
  closings.push(() => client.close());
  return client;
}

/** An in-process registry that {@link closeAll} closes. */
export async function openRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  closings.push(() => registry.close());
  return registry;
}

/** A docker-registry that {@link closeAll} ends. */
export async function openDockerRegistry(
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const registry = await startDockerRegistry(options);
  closings.push(() => registry.stop());
  return registry;
}

/** A server of the spec's own, at `127.0.0.1:port`, that {@link closeAll} ends. */
export function serve(listener: RequestListener): Promise<string> {
  return listening(createServer(listener));
}

/** Lets a server listen at `127.0.0.1:port` until {@link closeAll} ends it with its sockets. */
export async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closings.push(async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** `127.0.0.1:port` where nothing listens. */
export async function closedPort(): Promise<string> {
  const server = createServer();
  const host = await listening(server);
  server.close();
  await once(server, 'close');
  return host;
}
