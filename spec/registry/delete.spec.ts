import { lastValueFrom, map, toArray } from 'rxjs';
import { parseReference } from '../../src/index.js';
import { openClient, openDockerRegistry, openRegistry } from '../support/loopback.js';
import { pushSample } from '../support/push-sample.js';
import { describeWithPeers } from '../support/peers.js';
import { remoteSetup } from '../support/remote-setup.js';
import { sampleReferrer } from '../support/sample-referrer.js';
import { until } from '../support/until.js';

const { signal } = new AbortController();
const setup = remoteSetup();

const remove = (reference: string): Promise<string> => lastValueFrom(setup.rxfer.delete(reference));
const isThere = (reference: string): Promise<boolean> =>
  setup.client.resolve(parseReference(reference), signal).then(
    () => true,
    () => false,
  );

describe('deletion', () => {
  it('is of a tag alone, or by digest of a manifest with all its tags', async () => {
    const registry = await openRegistry();
    for (const tag of ['v1', 'v2', 'v3']) registry.addImage('app', tag, setup.image);
    const app = `${registry.host}/app`;
    expect(await remove(`${app}:v1`)).toBe(`${app}:v1`);
    expect([...registry.repository('app').tags.keys()]).toEqual(['v2', 'v3']);
    const name = `${app}@${setup.image.descriptor.digest}`;
    expect(await remove(name)).toBe(name);
    expect(registry.repository('app').tags.size + registry.repository('app').manifests.size).toBe(
      0,
    );
    await expect(remove(name)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    await expect(remove(`${app}:v1`)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  });

  it('asks for the scope to delete', async () => {
    const auth = { kind: 'bearer' as const, username: 'ali', password: 'open sesame' };
    const registry = await openRegistry({ auth });
    const allowed = openClient({
      credentials: () => Promise.resolve({ ...auth, kind: 'basic' }),
    });
    registry.addImage('app', 'v1', setup.image);
    await allowed.delete(parseReference(`${registry.host}/app:v1`), signal);
    const token = registry.requests.find(({ path }) => path.startsWith('/token'));
    expect(token?.path).toMatch(/repository%3Aapp%3Adelete%2Cpull/);
    expect(registry.repository('app').tags.size).toBe(0);
  });

  it('is refused of a tag and a digest at once, and nothing is sent', async () => {
    const registry = await openRegistry();
    const both = `${registry.host}/app:v1@${setup.image.descriptor.digest}`;
    await expect(remove(both)).rejects.toMatchObject({ code: 'ERR_AMBIGUOUS_DELETE' });
    expect(registry.requests).toEqual([]);
  });

  it('says that there is no such tag where the registry knows no deletion by tag', async () => {
    const registry = await openRegistry();
    registry.addImage('app', 'v1', setup.image);
    const match = { method: 'DELETE' };
    registry.inject({ match, fault: { kind: 'status', status: 400 } });
    await expect(remove(`${registry.host}/app:v2`)).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
      reference: `${registry.host}/app:v2`,
    });
  });

  it('is an error that says so where the registry deletes nothing', async () => {
    const registry = await openRegistry({ without: ['delete'] });
    registry.addImage('app', 'v1', setup.image);
    await expect(remove(`${registry.host}/app:v1`)).rejects.toMatchObject({
      code: 'ERR_DELETE_REFUSED',
      refused: 'everything',
      hint: expect.stringContaining('REGISTRY_STORAGE_DELETE_ENABLED') as string,
    });
  });
});

describe('deletion of a referrer', () => {
  /** Pushes the image with two referrers; their names, and what the registry lists then. */
  async function pushed(registry: { readonly host: string }) {
    const app = `${registry.host}/app`;
    await pushSample(setup.client, `${app}:v1`, setup.image);
    const names = [];
    for (const content of ['one', 'two']) {
      const referrer = sampleReferrer(setup.image.descriptor, 'a/signature', content);
      names.push(`${app}@${referrer.descriptor.digest}`);
      await pushSample(setup.client, names.at(-1)!, referrer);
    }
    const listed = (): Promise<string[]> =>
      lastValueFrom(
        setup.rxfer.referrers(`${app}:v1`).pipe(
          map(({ digest }) => `${app}@${digest}`),
          toArray(),
        ),
      );
    return { app, names: names as [string, string], listed };
  }
  const listTag = (): string => setup.image.descriptor.digest.replace(':', '-');

  it('takes it off the list under the tag where the registry has no list', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    const { names, listed } = await pushed(registry);
    await remove(names[0]);
    expect(await listed()).toEqual([names[1]]);
    await remove(names[1]);
    expect(await listed()).toEqual([]);
  });

  it('leaves a tag of that form alone where the registry has a list', async () => {
    const registry = await openRegistry();
    const { names, listed } = await pushed(registry);
    registry.addImage('app', listTag(), setup.image);
    await remove(names[0]);
    expect(await listed()).toEqual([names[1]]);
    expect(registry.repository('app').tags.get(listTag())).toBe(setup.image.descriptor.digest);
  });

  it.each([400, 503])('deletes nothing where it is not told of a list: %d', async (status) => {
    const registry = await openRegistry({ without: ['referrers'] });
    const { names, listed } = await pushed(registry);
    const match = { path: /\/referrers\// };
    registry.inject({ match, times: 1, fault: { kind: 'status', status } });
    await expect(remove(names[0])).rejects.toMatchObject({ status });
    expect(await isThere(names[0])).toBe(true);
    await remove(names[0]);
    expect(await listed()).toEqual([names[1]]);
  });

  it('takes nothing off where the registry refuses to delete it', async () => {
    const registry = await openRegistry({ without: ['referrers', 'delete'] });
    const { names, listed } = await pushed(registry);
    await expect(remove(names[0])).rejects.toMatchObject({ code: 'ERR_DELETE_REFUSED' });
    expect(await listed()).toEqual(names);
  });

  it('keeps what another client lists meanwhile', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    const { app, names, listed } = await pushed(registry);
    const other = sampleReferrer(setup.image.descriptor, 'a/signature', 'another');
    // They are as quick as to change the list between our reading and our writing.
    const slow = registry.inject({
      match: { method: 'PUT', path: new RegExp(listTag()) },
      times: 1,
      fault: { kind: 'latency', milliseconds: 300 },
    });
    const removed = remove(names[0]);
    await Promise.race([removed, until(() => slow.hits === 1)]);
    expect(slow.hits).toBe(1);
    await pushSample(openClient(), `${app}@${other.descriptor.digest}`, other);
    await removed;
    expect(await listed()).toEqual([names[1], `${app}@${other.descriptor.digest}`]);
  });
});

describeWithPeers(['docker-registry'], 'deletion on docker-registry', () => {
  it('is by digest alone, which the refusal of a tag names', async () => {
    const registry = await openDockerRegistry();
    const app = `${registry.host}/app`;
    await pushSample(setup.client, `${app}:v1`, setup.image);
    const name = `${app}@${setup.image.descriptor.digest}`;
    await expect(remove(`${app}:v1`)).rejects.toMatchObject({
      code: 'ERR_DELETE_REFUSED',
      refused: 'tags',
      reference: `${app}:v1`,
      hint: expect.stringContaining(name) as string,
    });
    // There is no such tag: another error than its refusal.
    await expect(remove(`${app}:v2`)).rejects.not.toMatchObject({ code: 'ERR_DELETE_REFUSED' });
    expect(await isThere(`${app}:v1`)).toBe(true);
    await remove(name);
    expect(await isThere(`${app}:v1`)).toBe(false);
    await expect(remove(name)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  });

  it('of a referrer takes it off the list under the tag', async () => {
    const registry = await openDockerRegistry();
    const app = `${registry.host}/app`;
    const referrer = sampleReferrer(setup.image.descriptor, 'a/signature', 'one');
    await pushSample(setup.client, `${app}:v1`, setup.image);
    await pushSample(setup.client, `${app}@${referrer.descriptor.digest}`, referrer);
    await remove(`${app}@${referrer.descriptor.digest}`);
    const left = setup.rxfer.referrers(`${app}:v1`).pipe(toArray());
    expect(await lastValueFrom(left)).toEqual([]);
  });

  it('says where it is switched off', async () => {
    const registry = await openDockerRegistry({ deletion: 'off' });
    await pushSample(setup.client, `${registry.host}/app:v1`, setup.image);
    const digest = remove(`${registry.host}/app@${setup.image.descriptor.digest}`);
    await expect(digest).rejects.toMatchObject({ code: 'ERR_DELETE_REFUSED', status: 405 });
  });
});
