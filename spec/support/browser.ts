import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { chromium, type Browser } from 'playwright-core';
import { findOnPath } from './peers.js';

const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
};

/** Debian's chromium without a window, for suites that name `chromium` as a peer. Close it. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findOnPath('chromium') ?? 'chromium', timeout: 90_000 });
}

/** Lets a server answer with the files of a folder, where nothing else answers. */
export function serveFiles(server: FastifyInstance, folder: string): void {
  server.get<{ Params: { '*': string } }>('/*', async (request, reply) => {
    const file = request.params['*'] || 'index.html';
    const content = await readFile(join(folder, file)).catch(() => undefined);
    if (content === undefined) return reply.code(404).send();
    return reply.type(mediaTypes[extname(file)] ?? 'application/octet-stream').send(content);
  });
}

/** Has a server listen on a free port of loopback; resolves with where it is. */
export async function listen(server: FastifyInstance): Promise<string> {
  await server.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
}
