import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import {
  createRegistryClient,
  digestOf,
  UploadSession,
  type Descriptor,
  type RegistryClient,
} from '../../src/index.js';
import { startCuttingProxy, type CuttingProxy } from '../support/cutting-proxy.js';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';

describeWithPeers(['docker-registry'], 'uploads to docker-registry', () => {
  const { signal } = new AbortController();
  let registry: DockerRegistry;
  let proxy: CuttingProxy;
  let client: RegistryClient;
  let cut: (request: IncomingMessage) => number | undefined;

  beforeAll(async () => {
    registry = await startDockerRegistry();
    proxy = await startCuttingProxy(registry.host, (request) => cut(request));
    client = createRegistryClient({ uploadChunkSize: 1_000_000 });
  });
  afterAll(async () => {
    await client.close();
    await proxy.stop();
    await registry.stop();
  });

  /** Cuts the `count`-th request of a method off, once. */
  const cutOnce = (method: string, count: number, afterBytes: number): void => {
    let left = count;
    cut = (request) => {
      if (request.method !== method || left === 0) return undefined;
      left--;
      return left === 0 ? afterBytes : undefined;
    };
  };
  const blobOf = (content: string): { blob: Descriptor; bytes: Buffer } => {
    const bytes = Buffer.alloc(3_500_000, content);
    return { blob: { mediaType: 'any/thing', digest: digestOf(bytes), size: bytes.length }, bytes };
  };
  const upload = async (
    { blob, bytes }: ReturnType<typeof blobOf>,
    session: UploadSession,
  ): Promise<string[]> => {
    const begin = proxy.requests.length;
    const open = (offset: number): Promise<Readable> =>
      Promise.resolve(Readable.from([bytes.subarray(offset)], { objectMode: false }));
    const repository = { host: proxy.host, path: 'app' };
    await client.upload(repository, blob, open, { signal, session });
    expect(await client.has(repository, blob, signal)).toBe(true);
    return proxy.requests.slice(begin).map(({ method, status }) => `${method} ${status}`);
  };

  it('go in chunks', async () => {
    cut = () => undefined;
    expect(await upload(blobOf('chunks'), new UploadSession())).toEqual([
      'POST 202',
      ...Array<string>(4).fill('PATCH 202'),
      'PUT 201',
      'HEAD 200',
    ]);
  });

  it('go on where they stopped when a connection broke between two chunks', async () => {
    cutOnce('PATCH', 3, 0);
    const session = new UploadSession();
    const content = blobOf('between');
    await expect(upload(content, session)).rejects.toMatchObject({ code: 'ERR_CONNECTION' });
    expect(session.offset).toBe(2_000_000);
    const rest = ['GET 204', 'PATCH 202', 'PATCH 202', 'PUT 201', 'HEAD 200'];
    expect(await upload(content, session)).toEqual(rest);
  });

  it('start again when it broke within a chunk, which this registry loses the upload by', async () => {
    cutOnce('PATCH', 3, 500_000);
    const session = new UploadSession();
    const content = blobOf('within');
    await expect(upload(content, session)).rejects.toMatchObject({ code: 'ERR_CONNECTION' });
    const again = await upload(content, session);
    // 204 where the registry hasn't noticed yet.
    expect(again[0]).toMatch(/^GET (?:404|204)$/);
    expect(again.slice(-2)).toEqual(['PUT 201', 'HEAD 200']);
  });
});
