import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { HostsFailedError, parseReference, type RegistryClientOptions } from '../../src/index.js';
import { mediaTypes } from '../../src/oci/index.js';
import type { Daemon } from '../support/daemon.js';
import { closeAll, listening, openClient, serve } from '../support/loopback.js';
import { startTlsFront } from '../support/nginx.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { makeCertificates, type TestCertificates } from '../support/test-certificates.js';

const { signal } = new AbortController();
const config = { mediaType: mediaTypes.ociEmpty, digest: `sha256:${'0'.repeat(64)}`, size: 2 };
const manifest = JSON.stringify({ schemaVersion: 2, config, layers: [] });

describeWithPeers(['nginx', 'openssl'], 'a host of a hosts.toml behind nginx', () => {
  let files: TestCertificates;
  let open: Daemon & { host: string };
  let mutual: Daemon & { host: string };
  let seen: IncomingMessage[];

  beforeAll(async () => {
    files = await makeCertificates();
    // Wants a token of its own token server, at the address that it is asked at.
    const registry = await serve((request, response) => {
      seen.push(request);
      if (request.url?.startsWith('/token') === true) response.end('{"token":"abc"}');
      else if (request.headers.authorization === 'Bearer abc') {
        response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(manifest);
      } else {
        const realm = `Bearer realm="https://${request.headers.host}/token",service="s"`;
        response.writeHead(401, { 'www-authenticate': realm }).end();
      }
    });
    open = await startTlsFront({ certificates: files, registry });
    mutual = await startTlsFront({ certificates: files, registry, clients: 'verified' });
  });
  beforeEach(() => {
    seen = [];
  });
  afterAll(async () => {
    await Promise.all([open.stop(), mutual.stop(), closeAll()]);
    removeTemporaryFolders();
  });

  /** Asks for an image of a registry that nobody knows but this file. */
  const fetched = async (text: string, options: RegistryClientOptions = {}): Promise<string> => {
    const folder = temporaryFolder();
    const own = join(folder, 'registry.test');
    mkdirSync(own);
    writeFileSync(join(own, 'hosts.toml'), text);
    cpSync(files.ca, join(own, 'ca.crt'));
    cpSync(files.client.cert, join(own, 'client.cert'));
    cpSync(files.client.key, join(own, 'client.key'));
    const client = openClient({ hostsFolder: folder, ...options });
    const { bytes } = await client.manifest(parseReference('registry.test/app:v1'), signal);
    return Buffer.from(bytes).toString();
  };
  const firstFailure = (text: string): Promise<unknown> =>
    fetched(text).then(
      () => undefined,
      (error: unknown) => (error instanceof HostsFailedError ? error.failures[0] : error),
    );

  it('is trusted by its `ca`, with the token server at its own address', async () => {
    expect(await fetched(`[host."https://${open.host}"]\nca = "ca.crt"`)).toBe(manifest);
    expect(seen.map(({ url }) => url?.split('?')[0])).toEqual([
      '/v2/app/manifests/v1',
      '/token',
      '/v2/app/manifests/v1',
    ]);
    expect(await firstFailure(`[host."https://${open.host}"]`)).toMatchObject({ code: 'ERR_TLS' });
    // The authority of one host isn't that of another.
    const other = `[host."https://127.0.0.1:1"]\nca = "ca.crt"\ndial_timeout = "1s"`;
    await expect(fetched(`server = "https://${open.host}"\n${other}`)).rejects.toMatchObject({
      failures: [{ code: 'ERR_CONNECTION' }, { code: 'ERR_TLS' }],
    });
  });

  it('is trusted whatever it shows by `skip_verify`', async () => {
    expect(await fetched(`[host."https://${open.host}"]\nskip_verify = true`)).toBe(manifest);
    const not = `[host."https://${open.host}"]\nskip_verify = false`;
    expect(await firstFailure(not)).toMatchObject({ code: 'ERR_TLS' });
  });

  it('is shown the certificate of `client`', async () => {
    const host = `[host."https://${mutual.host}"]\nca = "ca.crt"`;
    expect(await fetched(`${host}\nclient = [["client.cert", "client.key"]]`)).toBe(manifest);
    expect(await firstFailure(host)).toMatchObject({ status: 400 });
  });

  it('gets what `header` says, and is asked at its path alone by `override_path`', async () => {
    const host = `[host."https://${open.host}/prefix"]\nca = "ca.crt"\noverride_path = true`;
    const header = `[host."https://${open.host}/prefix".header]\nx-tenant = ["one", "two"]`;
    expect(await fetched(`${host}\n${header}`)).toBe(manifest);
    const asked = seen.filter(({ url }) => url?.startsWith('/token') === false);
    expect(new Set(asked.map(({ url }) => url))).toEqual(
      new Set(['/prefix/app/manifests/v1?ns=registry.test']),
    );
    expect(asked.map(({ headers }) => headers['x-tenant'])).toEqual(['one, two', 'one, two']);
  });

  it('is left for the next one after `dial_timeout`', async () => {
    const silent = await listening(createServer((socket) => socket.resume()));
    const slow = `[host."https://${silent}"]\ndial_timeout = "300ms"`;
    const next = `[host."https://${open.host}"]\nca = "ca.crt"`;
    // The client's own patience is longer than the spec's.
    expect(await fetched(`${slow}\n${next}`, { connectTimeout: 600_000 })).toBe(manifest);
  });

  it('is asked for what its `capabilities` name', async () => {
    const host = `[host."https://${open.host}"]\nca = "ca.crt"\ncapabilities = ["pull"]`;
    // What a tag stands for is asked of the registry itself, which isn't there.
    await expect(fetched(host)).rejects.toMatchObject({ code: 'ERR_CONNECTION' });
    expect(seen).toHaveLength(0);
  });
});
