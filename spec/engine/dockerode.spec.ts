import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Docker from 'dockerode';
import * as fc from 'fast-check';
import { matchesPattern } from '../../src/engine/filters.js';
import { parseMoment } from '../../src/engine/moments.js';
import { routedPath } from '../../src/engine/paths.js';
import { parseRegistryAuth } from '../../src/engine/registry-auth.js';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

afterAll(removeTemporaryFolders);

describe('dockerode', () => {
  let registry: TestRegistry;
  let running: RunningEngine;
  let client: Docker;
  const maxArchiveSize = 10_000_000;

  beforeAll(async () => {
    registry = await startRegistry();
    const layers = [[{ name: 'large', size: 8_000_000 }]];
    registry.addImage('team/app', 'v1', await sampleImage({ layers, compression: 'none' }));
    running = await startEngine(undefined, { maxArchiveSize });
    client = new Docker({ socketPath: running.host.replace('unix://', '') });
  });
  afterAll(async () => {
    await running.close();
    await registry.close();
  });

  const followed = (
    stream: NodeJS.ReadableStream,
  ): Promise<{ status?: string; stream?: string }[]> =>
    new Promise((resolve, reject) => {
      client.modem.followProgress(stream, (error, messages: { status?: string }[]) =>
        error === null ? resolve(messages) : reject(error),
      );
    });

  it('pulls, lists, tags, saves, removes and loads', async () => {
    const name = `${registry.host}/team/app:v1`;
    const messages = await followed(await client.pull(name));
    expect(messages.at(-1)?.status).toBe(`Status: Downloaded newer image for ${name}`);
    const [summary] = await client.listImages({ filters: { reference: [name] } });
    expect(summary).toMatchObject({ RepoTags: [name], Size: 8_001_536 });
    const image = client.getImage(name);
    expect(await image.inspect()).toMatchObject({ Id: summary?.Id });
    expect(await image.history()).toHaveLength(1);
    await image.tag({ repo: 'other/app', tag: 'v2' });

    const archive = join(temporaryFolder(), 'saved.tar');
    await pipeline(await image.get(), createWriteStream(archive));
    expect((await stat(archive)).size).toBeGreaterThan(8_001_536);
    await expect(client.getImage(summary!.Id).remove()).rejects.toMatchObject({ statusCode: 409 });
    await client.getImage(summary!.Id).remove({ force: true });
    expect(await client.listImages()).toEqual([]);
    const loaded = await followed(await client.loadImage(archive));
    expect(loaded.some(({ status }) => status === 'Loading layer')).toBe(true);
    expect(loaded.at(-1)?.stream).toBe(`Loaded image: ${name}\n`);
    expect(await client.listImages()).toMatchObject([{ Id: summary!.Id, RepoTags: [name] }]);
  }, 60_000);

  it('pulls a tag in place of the one that the name has, and all where there is none', async () => {
    const name = `${registry.host}/team/app`;
    await followed(await client.createImage({ fromImage: `${name}:none`, tag: 'v1' }));
    const names = (await client.listImages()).map(({ RepoTags }) => RepoTags);
    expect(names).toEqual([[`${name}:v1`]]);
    const all = await followed(await client.createImage({ fromImage: name }));
    expect(all.at(-1)?.status).toBe(`Status: Image is up to date for ${name}:v1`);
  }, 60_000);

  it('hears nothing of a registry that is busy for a moment', async () => {
    const busy = { match: { path: /\/manifests\// }, times: 1 };
    const fault = registry.inject({ ...busy, fault: { kind: 'status', status: 503 } });
    const messages = await followed(await client.pull(`${registry.host}/team/app:v1`));
    expect(fault.hits).toBe(1);
    expect(messages.at(-1)?.status).toMatch(/^Status: /);
  }, 60_000);

  it('checks a login', async () => {
    const stated = { username: 'ali', password: 'x', serveraddress: `http://${registry.host}/v2/` };
    expect(await client.checkAuth(stated)).toEqual({
      Status: 'Login Succeeded',
      IdentityToken: '',
    });
  });

  it('leaves no client behind for a login that is checked while something is under way', async () => {
    const slow = { kind: 'rate', bytesPerSecond: 1_000_000 } as const;
    const fault = registry.inject({ match: { path: /\/blobs\// }, fault: slow });
    const other = await startEngine();
    const docker = new Docker({ socketPath: other.host.replace('unix://', '') });
    const stream = await docker.pull(`${registry.host}/team/app:v1`);
    try {
      await until(() => fault.hits > 0);
      for (const username of ['ali', 'eve', 'bob']) {
        await docker.checkAuth({ username, password: 'x', serveraddress: registry.host });
      }
      await until(() => other.openClients.size === 1);
    } finally {
      stream.resume();
      fault.remove();
      await other.close();
    }
  }, 60_000);

  it('is told what images take, from one look at the store', async () => {
    const list = jest.spyOn(running.store.images, 'list');
    const { LayersSize, Images } = (await client.df()) as {
      LayersSize: number;
      Images: { Size: number; SharedSize: number }[];
    };
    expect(list).toHaveBeenCalledTimes(1);
    list.mockRestore();
    expect({ LayersSize, Images }).toMatchObject({
      LayersSize: 8_001_536,
      Images: [{ Size: 8_001_536, SharedSize: 0 }],
    });
  });

  it('is told when an archive is too large, as it comes or uncompressed', async () => {
    const zeros = (): Readable => {
      let left = 300;
      return new Readable({
        read() {
          this.push(left-- > 0 ? Buffer.alloc(65_536) : null);
        },
      });
    };
    const { createGzip } = await import('node:zlib');
    for (const body of [zeros(), zeros().pipe(createGzip())]) {
      await expect(client.loadImage(body)).rejects.toThrow(/more than 10000000 bytes/);
    }
  }, 60_000);

  it('holds up the engine when it does not read', async () => {
    const archive = await client.getImage(`${registry.host}/team/app:v1`).get();
    const hash = createHash('sha256');
    let read = 0;
    for await (const chunk of archive as unknown as AsyncIterable<Buffer>) {
      hash.update(chunk);
      read += chunk.length;
      if (read > 1_000_000) break;
    }
    // Whoever hangs up in the middle leaves nothing leased.
    await until(async () => (await running.store.usage()).sessions.count === 0);
    expect(read).toBeLessThan(8_000_000);
  }, 60_000);
});

describe('the parts of requests', () => {
  it.each([
    ['/v1.44/images/json?all=1', '/images/json?all=1'],
    ['/images/a/b:v1/json', '/images/a%2Fb:v1/json'],
    [
      '/v1.41/images/localhost:5000/a/b@sha256:0/push?tag=x',
      '/images/localhost:5000%2Fa%2Fb@sha256:0/push?tag=x',
    ],
    ['/images/a/json/json', '/images/a%2Fjson/json'],
    ['/images/create?fromImage=a', '/images/create?fromImage=a'],
    ['/images/load', '/images/load'],
    ['/images/team/load', '/images/team%2Fload'],
    ['/v1.41/events', '/events'],
    ['/containers/a/json', '/containers/a/json'],
  ])('%s is routed as %s', (url, path) => {
    expect(routedPath(url)).toBe(path);
  });

  const now = Date.parse('2024-05-06T07:08:09Z');
  it.each([
    ['1714979289', now],
    ['1714979289.5', now + 500],
    ['2024-05-06T07:08:09Z', now],
    ['2024-05-06T09:08:09.25+02:00', now + 250],
    ['2024-05-06', Date.parse('2024-05-06')],
    ['0s', now],
    ['1h30m', now - 5_400_000],
    ['1.5s250ms', now - 1750],
  ])('%s is a time', (text, moment) => {
    expect(parseMoment(text, now)).toBe(moment);
  });

  it.each(['', 'yesterday', '-1', '1x', '1h-', '2024-13-01', '2024-05-06T', '99999999999999'])(
    '%p is no time',
    (text) => {
      expect(() => parseMoment(text, now)).toThrow(/is no time$/);
    },
  );

  it.each([
    ['alpine', 'alpine', true],
    ['alpine', 'al*', true],
    ['alpine', 'al?ine', true],
    ['alpine', 'al', false],
    ['team/app', '*', false],
    ['team/app', '*/app', true],
    ['alpine:3.20', 'alpine:3*', true],
    ['alpine:3.20', 'alpine:3*1', false],
  ])('%s fits %s: %p', (text, pattern, outcome) => {
    expect(matchesPattern(text, pattern)).toBe(outcome);
  });

  it('a pattern means what it means as a regular expression', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 });
    const wild = fc.array(fc.constantFrom('a', 'b', '*', '?', '/'), { maxLength: 8 });
    fc.assert(
      fc.property(letters, wild, (text, pattern) => {
        const source = pattern.join('').replace(/\*/g, '[^/]*').replace(/\?/g, '[^/]');
        const expected = new RegExp(`^${source}$`).test(text.join(''));
        expect(matchesPattern(text.join(''), pattern.join(''))).toBe(expected);
      }),
    );
  });

  it('a pattern with many stars costs little', () => {
    const begin = performance.now();
    expect(matchesPattern('a'.repeat(255), `${'*a'.repeat(120)}b`)).toBe(false);
    expect(performance.now() - begin).toBeLessThan(1000);
  });

  it.each([
    [undefined, undefined],
    ['', undefined],
    [{}, undefined],
    [null, undefined],
    [
      { username: 'ali', password: 'x' },
      { kind: 'basic', username: 'ali', password: 'x' },
    ],
    [
      { auth: Buffer.from('ali:a:b').toString('base64') },
      { kind: 'basic', username: 'ali', password: 'a:b' },
    ],
    [
      { username: 'ali', identitytoken: 't' },
      { kind: 'identity', token: 't' },
    ],
    [{ registrytoken: 't' }, { kind: 'bearer', token: 't' }],
  ])('the login %p is read', (login, credential) => {
    const encoded =
      typeof login === 'string' || login === undefined
        ? login
        : Buffer.from(JSON.stringify(login)).toString('base64url');
    expect(parseRegistryAuth(encoded)).toEqual(credential);
  });
});
