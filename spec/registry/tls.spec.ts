import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import {
  certificates,
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  parseReference,
  type CertificatesOptions,
} from '../../src/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { startCli } from '../support/cli.js';
import type { Daemon } from '../support/daemon.js';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.js';
import { startTlsFront } from '../support/nginx.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { makeCertificates, type TestCertificates } from '../support/test-certificates.js';

describeWithPeers(['nginx', 'openssl', 'docker-registry'], 'a self-signed registry', () => {
  const { signal } = new AbortController();
  let files: TestCertificates;
  let backend: DockerRegistry;
  let source: TestRegistry;
  let image: SampleImage;
  let open: Daemon & { host: string };
  let mutual: Daemon & { host: string };

  beforeAll(async () => {
    files = await makeCertificates();
    backend = await startDockerRegistry();
    open = await startTlsFront({ certificates: files, registry: backend.host });
    const more = `location /v2/moved/ { return 307 https://${open.host}$request_uri; }`;
    const clients = 'verified';
    mutual = await startTlsFront({ certificates: files, registry: backend.host, clients, more });
    source = await startRegistry();
    image = await sampleImage({ layers: [[{ name: 'file', size: 50_000 }]] });
    source.addImage('app', 'v1', image);
  });
  afterAll(async () => {
    await Promise.all([open.stop(), mutual.stop(), backend.stop(), source.close()]);
    removeTemporaryFolders();
  });

  /** A folder as /etc/docker/certs.d. */
  const certsFolder = (host: string, parts: readonly ('ca' | 'cert' | 'key')[]): string => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, host));
    const from = { ca: files.ca, ...files.client };
    const names = { ca: 'ca.crt', cert: 'client.cert', key: 'client.key' };
    for (const part of parts) cpSync(from[part], join(folder, host, names[part]));
    return folder;
  };
  const resolve = async (reference: string, options: CertificatesOptions): Promise<unknown> => {
    const environment = { HOME: temporaryFolder() };
    const tls = certificates({ environment, ...options });
    const client = createRegistryClient({ tls, plainHttp: 'never' });
    try {
      return await client.manifest(parseReference(reference), signal);
    } finally {
      await client.close();
    }
  };
  const push = async (host: string, folder: string): Promise<void> => {
    const tls = certificates({ folders: [folder] });
    // The source speaks plain HTTP; what is not named in the list does not.
    const client = createRegistryClient({ tls, plainHttp: 'never' });
    const plain = createRegistryClient();
    try {
      const store = createMemoryStore();
      const fetched = await lastValueFrom(
        createRxfer({ store, registry: plain }).pull(`${source.host}/app:v1`),
      );
      const rxfer = createRxfer({ store, registry: client, maxAttempts: 1 });
      await lastValueFrom(rxfer.push(`${host}/app:v1`, { source: `${source.host}/app:v1` }));
      if (fetched.kind === 'result') fetched.release();
    } finally {
      await Promise.all([client.close(), plain.close()]);
    }
  };

  it('is not spoken to unless its authority is trusted', async () => {
    await expect(resolve(`${open.host}/app:v1`, {})).rejects.toMatchObject({
      code: 'ERR_TLS',
      host: open.host,
    });
    await push(open.host, certsFolder(open.host, ['ca']));
    const folders = [certsFolder(open.host, ['ca'])];
    expect(await resolve(`${open.host}/app:v1`, { folders })).toMatchObject({
      descriptor: { digest: image.descriptor.digest },
    });
  });

  it('is shown the client’s certificate of its folder', async () => {
    const folders = [certsFolder(mutual.host, ['ca', 'cert', 'key'])];
    await push(mutual.host, folders[0] ?? '');
    expect(await resolve(`${mutual.host}/app:v1`, { folders })).toMatchObject({
      descriptor: { digest: image.descriptor.digest },
    });
    const without = [certsFolder(mutual.host, ['ca'])];
    await expect(resolve(`${mutual.host}/app:v1`, { folders: without })).rejects.toMatchObject({
      status: 400,
    });
    const half = [certsFolder(mutual.host, ['ca', 'cert'])];
    await expect(resolve(`${mutual.host}/app:v1`, { folders: half })).rejects.toMatchObject({
      code: 'ERR_TLS',
      message: expect.stringContaining('client.key') as unknown,
    });
  });

  it.each(['ca.crt', 'client.cert', 'client.key'])(
    'is refused with the name of the file where %s is no PEM',
    async (name) => {
      const folder = certsFolder(open.host, ['ca', 'cert', 'key']);
      writeFileSync(join(folder, open.host, name), 'junk');
      await expect(resolve(`${open.host}/app:v1`, { folders: [folder] })).rejects.toMatchObject({
        code: 'ERR_TLS',
        message: expect.stringContaining(join(folder, open.host, name)) as unknown,
      });
    },
  );

  it('is not asked where a folder of certificates was stated and is not there', async () => {
    const folders = [certsFolder(open.host, ['ca']), join(temporaryFolder(), 'none')];
    const missing = expect.stringContaining(folders[1] ?? '') as unknown;
    await expect(resolve(`${open.host}/app:v1`, { folders })).rejects.toMatchObject({
      code: 'ERR_TLS',
      message: missing,
      hint: expect.stringContaining('Create the folder') as unknown,
    });
  });

  it('is refused with what can be done where nobody knows its authority', async () => {
    await expect(resolve(`${open.host}/app:v1`, {})).rejects.toMatchObject({
      hint: expect.stringContaining(`certs.d/${open.host}/ca.crt`) as unknown,
    });
  });

  it('must have a certificate for its name', async () => {
    const host = `localhost:${open.port}`;
    const folders = [certsFolder(host, ['ca'])];
    await expect(resolve(`${host}/app:v1`, { folders })).rejects.toMatchObject({
      code: 'ERR_TLS',
      message: expect.stringContaining('ALTNAME') as unknown,
      hint: expect.stringContaining('the name that it was made for') as unknown,
    });
  });

  it('is trusted unverified where it is named, and whoever it redirects to is not', async () => {
    const unverified = [open.host];
    expect(await resolve(`${open.host}/app:v1`, { unverified })).toBeDefined();
    const folders = [certsFolder(mutual.host, ['cert', 'key'])];
    const named = { folders, unverified: [mutual.host] };
    await expect(resolve(`${mutual.host}/moved/app:v1`, named)).rejects.toMatchObject({
      code: 'ERR_TLS',
      host: open.host,
    });
  });

  it('goes by the command line’s options', async () => {
    const reference = `${open.host}/app:v1`;
    const pull = (args: string[], environment: Record<string, string> = {}) =>
      startCli(['pull', reference, '--store', temporaryFolder(), ...args], environment).outcome;
    const refused = await pull(['--no-plain-http']);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`No secure connection to ${open.host}`);
    const plain = await pull([]);
    expect(plain).toMatchObject({ code: 1, stdout: '' });
    expect(plain.stderr).toContain('It speaks HTTPS alone');
    expect((await pull(['--tls-verify=false'])).code).toBe(0);
    const folder = certsFolder(open.host, ['ca']);
    expect((await pull(['--no-plain-http', '--certs-dir', folder])).code).toBe(0);
    expect((await pull(['--no-plain-http'], { SSL_CERT_FILE: files.ca })).code).toBe(0);
  });

  it('that speaks no TLS is told from one that does', async () => {
    await expect(resolve(`${backend.host}/app:v1`, {})).rejects.toMatchObject({
      code: 'ERR_TLS',
      hint: expect.stringContaining('plain HTTP') as unknown,
    });
  });
});
