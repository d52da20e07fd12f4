import { lastValueFrom } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  parseReference,
  type RegistryClient,
  type Rxfer,
} from '../../src/index.js';
import { sampleImage, startRegistry, type SampleImage } from '../../src/testing/index.js';
import { startDockerRegistry } from '../support/docker-registry.js';
import { pushSample } from '../support/push-sample.js';
import { describeWithPeers } from '../support/peers.js';

const { signal } = new AbortController();
let client: RegistryClient;
let rxfer: Rxfer;
let image: SampleImage;

beforeAll(async () => {
  client = createRegistryClient();
  rxfer = createRxfer({ store: createMemoryStore(), registry: client });
  image = await sampleImage({ layers: [[{ name: 'a', size: 10 }]] });
});
afterAll(() => client.close());

const remove = (reference: string): Promise<string> => lastValueFrom(rxfer.delete(reference));
const isThere = (reference: string): Promise<boolean> =>
  client.resolve(parseReference(reference), signal).then(
    () => true,
    () => false,
  );

describe('deletion', () => {
  it('is of a tag alone, or by digest of a manifest with all its tags', async () => {
    const registry = await startRegistry();
    try {
      for (const tag of ['v1', 'v2', 'v3']) registry.addImage('app', tag, image);
      const app = `${registry.host}/app`;
      expect(await remove(`${app}:v1`)).toBe(`${app}:v1`);
      expect([...registry.repository('app').tags.keys()]).toEqual(['v2', 'v3']);
      const name = `${app}@${image.descriptor.digest}`;
      expect(await remove(name)).toBe(name);
      expect(registry.repository('app').tags.size + registry.repository('app').manifests.size).toBe(
        0,
      );
      await expect(remove(name)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
      await expect(remove(`${app}:v1`)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    } finally {
      await registry.close();
    }
  });

  it('asks for the scope to delete', async () => {
    const auth = { kind: 'bearer' as const, username: 'ali', password: 'open sesame' };
    const registry = await startRegistry({ auth });
    const allowed = createRegistryClient({
      credentials: () => Promise.resolve({ ...auth, kind: 'basic' }),
    });
    try {
      registry.addImage('app', 'v1', image);
      await allowed.delete(parseReference(`${registry.host}/app:v1`), signal);
      const token = registry.requests.find(({ path }) => path.startsWith('/token'));
      expect(token?.path).toMatch(/repository%3Aapp%3Adelete%2Cpull/);
      expect(registry.repository('app').tags.size).toBe(0);
    } finally {
      await allowed.close();
      await registry.close();
    }
  });

  it('is refused of a tag and a digest at once, and nothing is sent', async () => {
    const registry = await startRegistry();
    try {
      const both = `${registry.host}/app:v1@${image.descriptor.digest}`;
      await expect(remove(both)).rejects.toMatchObject({ code: 'ERR_AMBIGUOUS_DELETE' });
      expect(registry.requests).toEqual([]);
    } finally {
      await registry.close();
    }
  });

  it('is an error that says so where the registry deletes nothing', async () => {
    const registry = await startRegistry({ without: ['delete'] });
    try {
      registry.addImage('app', 'v1', image);
      await expect(remove(`${registry.host}/app:v1`)).rejects.toMatchObject({
        code: 'ERR_DELETE_REFUSED',
        refused: 'everything',
        hint: expect.stringContaining('REGISTRY_STORAGE_DELETE_ENABLED') as string,
      });
    } finally {
      await registry.close();
    }
  });
});

describeWithPeers(['docker-registry'], 'deletion on docker-registry', () => {
  it('is by digest alone, which the refusal of a tag names', async () => {
    const registry = await startDockerRegistry();
    try {
      const app = `${registry.host}/app`;
      await pushSample(client, `${app}:v1`, image);
      const name = `${app}@${image.descriptor.digest}`;
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
    } finally {
      await registry.stop();
    }
  });

  it('says where it is switched off', async () => {
    const registry = await startDockerRegistry({ deletion: 'off' });
    try {
      await pushSample(client, `${registry.host}/app:v1`, image);
      const digest = remove(`${registry.host}/app@${image.descriptor.digest}`);
      await expect(digest).rejects.toMatchObject({ code: 'ERR_DELETE_REFUSED', status: 405 });
    } finally {
      await registry.stop();
    }
  });
});
