import { Readable } from 'node:stream';
import {
  createRegistryClient,
  digestOf,
  UploadSession,
  type Descriptor,
  type RegistryClient,
  type Repository,
} from '../../src/index.js';
import {
  startRegistry,
  type Fault,
  type InjectedFault,
  type LoggedRequest,
  type TestRegistry,
  type TestRegistryOptions,
} from '../../src/testing/index.js';

const size = 1_000_000;
const bytes = Buffer.alloc(size, 'some bytes of a blob that are the same everywhere; ');
const blob: Descriptor = { mediaType: 'any/thing', digest: digestOf(bytes), size };
const { signal } = new AbortController();

let registry: TestRegistry;
let client: RegistryClient;
let repository: Repository;

async function start(options: TestRegistryOptions = {}, uploadChunkSize = 0): Promise<void> {
  registry = await startRegistry(options);
  client = createRegistryClient({ uploadChunkSize });
  repository = { host: registry.host, path: 'app' };
}
afterEach(async () => {
  await client.close();
  await registry.close();
});

const open = (offset: number): Promise<Readable> =>
  Promise.resolve(Readable.from(pieces(bytes.subarray(offset))));

function* pieces(whole: Buffer): Generator<Buffer> {
  for (let at = 0; at < whole.length; at += 50_000) yield whole.subarray(at, at + 50_000);
}

function expectStored({ digest }: Descriptor, content: Buffer): void {
  expect(registry.repository('app').blobs.get(digest)?.equals(content)).toBe(true);
}

/** One attempt, with the progress that it tells. */
async function attempt(session = new UploadSession()): Promise<number[]> {
  const progress: number[] = [];
  const onProgress = (sent: number): void => void progress.push(sent);
  await client.upload(repository, blob, open, { signal, onProgress, session });
  expectStored(blob, bytes);
  return progress;
}

function breakOff(method: 'PUT' | 'PATCH', afterBytes: number, rest = {}): InjectedFault {
  return registry.inject({
    match: { method },
    times: 1,
    fault: { kind: 'reset', afterBytes },
    ...rest,
  });
}

/** Method, the range that was sent, and the status, as the registry has seen it. */
function seen(): string[] {
  return registry.requests.map(({ method, headers, status }: LoggedRequest) =>
    [method, headers['content-range'], status].filter((part) => part !== undefined).join(' '),
  );
}

const answer = (status: number): Fault => ({ kind: 'status', status });

describe('an upload in one piece', () => {
  it.each(['relative', 'absolute'] as const)(
    'goes to a Location that is %s, with its query',
    async (locations) => {
      await start({ locations });
      expect((await attempt()).at(-1)).toBe(size);
      expect(seen()).toEqual(['POST 202', 'PUT 201']);
      const { path } = registry.requests[1]!;
      expect(path).toMatch(/\?state=kept&digest=sha256%3A/);
    },
  );

  it('goes on from where the registry says, with the rest alone', async () => {
    await start();
    breakOff('PUT', 400_000);
    const session = new UploadSession();
    await expect(attempt(session)).rejects.toMatchObject({ code: 'ERR_CONNECTION' });
    const progress = await attempt(session);
    expect(seen()).toEqual(['POST 202', 'PUT 0', 'GET 204', 'PATCH 400000-999999 202', 'PUT 201']);
    expect(registry.requests[3]?.received).toBe(600_000);
    expect(progress[0]).toBe(400_000);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(size);
  });

  it('starts again where the registry does not tell how far it is', async () => {
    await start({ without: ['uploadStatus'] });
    breakOff('PUT', 400_000);
    const session = new UploadSession();
    await expect(attempt(session)).rejects.toThrow();
    const progress = await attempt(session);
    expect(seen().slice(2)).toEqual(['GET 405', 'POST 202', 'PUT 201']);
    expect(progress[0]).toBe(0);
  });

  it('starts again where the registry takes no chunks', async () => {
    await start({ without: ['chunkedUpload'] });
    breakOff('PUT', 400_000);
    const session = new UploadSession();
    await expect(attempt(session)).rejects.toThrow();
    await attempt(session);
    expect(seen().at(-1)).toBe('PUT 201');
    expect(registry.requests.at(-1)?.received).toBe(size);
  });

  it('starts again where the registry has forgotten it', async () => {
    await start();
    breakOff('PUT', 400_000);
    const session = new UploadSession();
    await expect(attempt(session)).rejects.toThrow();
    registry.inject({ match: { method: 'GET' }, fault: answer(404) });
    await attempt(session);
    expect(seen().slice(2)).toEqual(['GET 404', 'POST 202', 'PUT 201']);
  });

  it('waits for the next attempt while the registry is in trouble', async () => {
    await start();
    breakOff('PUT', 400_000);
    const session = new UploadSession();
    await expect(attempt(session)).rejects.toThrow();
    registry.inject({ match: { method: 'GET' }, times: 1, fault: answer(503) });
    await expect(attempt(session)).rejects.toMatchObject({ status: 503 });
    expect((await attempt(session))[0]).toBe(400_000);
  });

  it('starts again when what it went on with is not the blob', async () => {
    await start();
    breakOff('PUT', 400_000);
    const session = new UploadSession();
    await expect(attempt(session)).rejects.toThrow();
    registry.inject({ match: { method: 'PUT' }, times: 1, fault: answer(400) });
    await attempt(session);
    expect(seen().slice(4)).toEqual(['PUT 400', 'POST 202', 'PUT 201']);
  });

  it('is refused when it is not the blob from the beginning', async () => {
    await start();
    const other = { ...blob, digest: digestOf('other') };
    const upload = client.upload(repository, other, open, { signal });
    await expect(upload).rejects.toMatchObject({ status: 400, registryCode: 'DIGEST_INVALID' });
    expect(seen()).toEqual(['POST 202', 'PUT 400']);
  });
});

describe('an upload in chunks', () => {
  it('sends them in order', async () => {
    await start({}, 300_000);
    const progress = await attempt();
    expect(seen()).toEqual([
      'POST 202',
      'PATCH 0-299999 202',
      'PATCH 300000-599999 202',
      'PATCH 600000-899999 202',
      'PATCH 900000-999999 202',
      'PUT 201',
    ]);
    expect(progress.at(-1)).toBe(size);
  });

  it('makes them as large as the registry asks for', async () => {
    await start({ chunkMinLength: 700_000 }, 300_000);
    await attempt();
    expect(seen().slice(1, 3)).toEqual(['PATCH 0-699999 202', 'PATCH 700000-999999 202']);
  });

  it('reads the source once', async () => {
    await start({}, 70_000);
    const opened: number[] = [];
    const counting = (offset: number): Promise<Readable> => {
      opened.push(offset);
      return open(offset);
    };
    await client.upload(repository, blob, counting, { signal });
    expect(opened).toEqual([0]);
  });

  it('goes on in the middle of a chunk, and counts as having got somewhere', async () => {
    await start({}, 300_000);
    breakOff('PATCH', 100_000, { skip: 1 });
    const session = new UploadSession();
    await expect(attempt(session)).rejects.toThrow();
    expect(session.offset).toBe(300_000);
    const progress = await attempt(session);
    expect(seen().slice(2, 5)).toEqual([
      'PATCH 300000-599999 0',
      'GET 204',
      'PATCH 400000-699999 202',
    ]);
    expect(progress[0]).toBe(400_000);
  });

  it('asks how far the registry is when it answers 416', async () => {
    await start({}, 300_000);
    // The registry says that it has a chunk which it hasn't.
    registry.inject({ match: { method: 'PATCH' }, times: 1, fault: answer(202) });
    await attempt();
    expect(seen().slice(1, 5)).toEqual([
      'PATCH 0-299999 202',
      'PATCH 300000-599999 416',
      'GET 204',
      'PATCH 0-299999 202',
    ]);
  });

  it('starts again when the registry has lost it, but not for ever', async () => {
    await start({}, 300_000);
    const lost = registry.inject({
      match: { method: 'PATCH' },
      skip: 1,
      times: 1,
      fault: answer(404),
    });
    await attempt();
    expect(lost.hits).toBe(1);
    registry.repository('app').blobs.clear();
    registry.inject({ match: { method: 'PATCH' }, fault: answer(404) });
    await expect(attempt()).rejects.toMatchObject({ status: 404 });
  });

  it('sends the blob in one piece where no chunk is taken, and the next one at once', async () => {
    await start({ without: ['chunkedUpload'] }, 300_000);
    await attempt();
    expect(seen()).toEqual(['POST 202', 'PATCH 0-299999 405', 'POST 202', 'PUT 201']);
    registry.repository('app').blobs.clear();
    await attempt();
    expect(seen().slice(4)).toEqual(['POST 202', 'PUT 201']);
  });
});

describe('mounting', () => {
  beforeEach(() => start());

  it('is done by the registry itself where it finds the blob', async () => {
    registry.repository('other').blobs.set(blob.digest, bytes);
    const outcome = await client.upload(repository, blob, open, { signal });
    expect(outcome).toBe('mounted');
    expect(seen()).toEqual(['POST 201']);
  });

  it('is not asked for again where the registry refuses it without a repository', async () => {
    registry.inject({ match: { method: 'POST' }, times: 1, fault: answer(400) });
    await attempt();
    await attempt();
    expect(seen()).toEqual(['POST 400', 'POST 202', 'PUT 201', 'POST 202', 'PUT 201']);
    expect(registry.requests.map(({ path }) => path.includes('mount='))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('leaves the upload that the registry opens in its place to the session', async () => {
    const session = new UploadSession();
    const mounted = await client.mount(repository, blob.digest, 'none', { signal, session });
    expect([mounted, session.isOpen]).toEqual([false, true]);
    await attempt(session);
    expect(seen()).toEqual(['POST 202', 'PUT 201']);
  });

  it('cancels that upload where there is no session', async () => {
    expect(await client.mount(repository, blob.digest, 'none', { signal })).toBe(false);
    expect(seen()).toEqual(['POST 202', 'DELETE 204']);
  });

  it.each([401, 403, 404])('is not possible when the answer is %i', async (status) => {
    registry.inject({ match: { method: 'POST' }, fault: answer(status) });
    expect(await client.mount(repository, blob.digest, 'other', { signal })).toBe(false);
  });
});

describe('the source of an upload', () => {
  beforeEach(() => start());

  it('is let go when the upload is aborted', async () => {
    registry.inject({ match: { method: 'PUT' }, fault: { kind: 'stall', afterBytes: 100_000 } });
    const controller = new AbortController();
    const sources: Readable[] = [];
    const kept = async (offset: number): Promise<Readable> => {
      sources.push(await open(offset));
      return sources[0]!;
    };
    const onProgress = (sent: number): void => {
      if (sent > 0) controller.abort(new Error('enough'));
    };
    const upload = client.upload(repository, blob, kept, { signal: controller.signal, onProgress });
    await expect(upload).rejects.toThrow('enough');
    expect(sources.map(({ destroyed }) => destroyed)).toEqual([true]);
  });

  it('that ends early is the one to blame', async () => {
    const short = (): Promise<Readable> =>
      Promise.resolve(Readable.from(pieces(bytes.subarray(0, 600_000))));
    const upload = client.upload(repository, blob, short, { signal });
    await expect(upload).rejects.toMatchObject({ code: 'ERR_BLOB_LENGTH' });
  });

  it('is not opened for an empty blob', async () => {
    const empty = { ...blob, digest: digestOf(''), size: 0 };
    const none = (): Promise<Readable> => Promise.reject(new Error('opened'));
    await client.upload(repository, empty, none, { signal });
    expectStored(empty, Buffer.alloc(0));
  });
});

it('keeps a sha512 blob under its own digest', async () => {
  await start({}, 300_000);
  const strong = { ...blob, digest: digestOf(bytes, 'sha512') };
  await client.upload(repository, strong, open, { signal });
  expectStored(strong, bytes);
});
