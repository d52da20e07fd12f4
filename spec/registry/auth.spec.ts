import { lastValueFrom } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  parseReference,
  type Credential,
  type CredentialProvider,
  type RegistryClient,
} from '../../src/index.js';
import { sampleImage, startRegistry, type SampleImage } from '../../src/testing/index.js';
import {
  registryUser,
  startDockerRegistry,
  type DockerRegistry,
} from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders } from '../support/temporary-folder.js';
import { startTokenServer, tokenUser, type TokenServer } from '../support/token-server.js';

const user: Credential = { kind: 'basic', ...pick(tokenUser) };
const { signal } = new AbortController();
const clients: RegistryClient[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(removeTemporaryFolders);

function clientOf(credential?: Credential | CredentialProvider): RegistryClient {
  const credentials =
    typeof credential === 'function' ? credential : () => Promise.resolve(credential);
  const client = createRegistryClient({ credentials });
  clients.push(client);
  return client;
}

async function pull(client: RegistryClient, reference: string): Promise<void> {
  const rxfer = createRxfer({ store: createMemoryStore(), registry: client, delay: () => 1 });
  const event = await lastValueFrom(rxfer.pull(reference));
  if (event.kind === 'result') event.release();
}

async function push(client: RegistryClient, reference: string, image: SampleImage): Promise<void> {
  const source = await startRegistry();
  try {
    source.addImage('app', 'v1', image);
    const rxfer = createRxfer({ store: createMemoryStore(), registry: client, delay: () => 1 });
    await lastValueFrom(rxfer.copy(`${source.host}/app:v1`, reference));
  } finally {
    await source.close();
  }
}

function pick({ username, password }: { username: string; password: string }) {
  return { username, password };
}

describeWithPeers(['docker-registry', 'openssl'], 'tokens that docker-registry verifies', () => {
  let tokens: TokenServer;
  let registry: DockerRegistry;
  let image: SampleImage;
  const layers = [0, 1, 2, 3, 4, 5].map((index) => [{ name: `file${index}`, size: 10_000 }]);

  beforeAll(async () => {
    tokens = await startTokenServer();
    registry = await startDockerRegistry({ config: tokens.config });
    image = await sampleImage({ layers });
    await push(clientOf(user), `${registry.host}/public/app:v1`, image);
    await push(clientOf(user), `${registry.host}/team/app:v1`, image);
  });
  afterAll(async () => {
    await registry.stop();
    await tokens.close();
  });

  /** What is asked for while something is done. */
  const askedBy = async (work: () => Promise<unknown>): Promise<TokenServer['asked']> => {
    const before = tokens.asked.length;
    await work();
    return tokens.asked.slice(before);
  };

  it('gets one anonymous token for a whole public image, and asks nobody for a credential', async () => {
    const provider = jest.fn(() => Promise.resolve(user));
    const asked = await askedBy(() => pull(clientOf(provider), `${registry.host}/public/app:v1`));
    expect(asked).toEqual([
      { method: 'GET', user: undefined, scopes: ['repository:public/app:pull'] },
    ]);
    expect(provider).not.toHaveBeenCalled();
  });

  it('goes on with a credential where a stranger may not pull', async () => {
    const provider = jest.fn(() => Promise.resolve(user));
    const asked = await askedBy(() => pull(clientOf(provider), `${registry.host}/team/app:v1`));
    const scopes = ['repository:team/app:pull'];
    expect(asked).toEqual([
      { method: 'GET', user: undefined, scopes },
      { method: 'GET', user: 'ali', scopes },
    ]);
    expect(provider.mock.calls).toEqual([[registry.host, 'team/app']]);
  });

  it('exchanges a refresh token by POST', async () => {
    const credential: Credential = { kind: 'identity', token: tokenUser.refreshToken };
    const asked = await askedBy(() => pull(clientOf(credential), `${registry.host}/team/app:v1`));
    expect(asked.at(-1)).toMatchObject({ method: 'POST', user: 'ali' });
  });

  it('gets a token for two repositories to mount from one into the other', async () => {
    const client = clientOf(user);
    const { host } = registry;
    const digest = image.layers[0]!.digest;
    const to = parseReference(`${host}/team/mounted`);
    const asked = await askedBy(async () => {
      expect(await client.mount(to, digest, 'team/app', { signal })).toBe(true);
    });
    expect(asked).toEqual([
      {
        method: 'GET',
        user: 'ali',
        scopes: ['repository:team/app:pull', 'repository:team/mounted:pull,push'],
      },
    ]);
  });

  it('asks anew for a token that has expired, and for none while it is valid', async () => {
    const client = clientOf(user);
    const reference = `${registry.host}/team/app:v1`;
    tokens.lifetime = 1;
    try {
      await pull(client, reference);
      // Half a second before its end, a token isn't used any more.
      await new Promise((resolve) => setTimeout(resolve, 600));
    } finally {
      tokens.lifetime = 300;
    }
    expect(await askedBy(() => pull(client, reference))).toMatchObject([{ user: 'ali' }]);
    expect(await askedBy(() => pull(client, reference))).toEqual([]);
  });

  it('is refused with a wrong password, and a stranger who wants to push', async () => {
    const wrong: Credential = { kind: 'basic', username: 'ali', password: 'wrong-password' };
    for (const credential of [wrong, undefined]) {
      await expect(
        push(clientOf(credential), `${registry.host}/team/other:v1`, image),
      ).rejects.toMatchObject({ code: 'ERR_UNAUTHORIZED', host: registry.host });
    }
    await expect(clientOf(wrong).check(registry.host, signal)).rejects.toMatchObject({
      code: 'ERR_UNAUTHORIZED',
    });
    expect(await clientOf(user).check(registry.host, signal)).toBe('authenticated');
  });
});

describeWithPeers(['docker-registry'], 'a password that docker-registry verifies', () => {
  it('lets in by Basic', async () => {
    const registry = await startDockerRegistry({ htpasswd: registryUser.htpasswd });
    const image = await sampleImage({ layers: [[{ name: 'file', size: 1000 }]] });
    const reference = `${registry.host}/app:v1`;
    try {
      const client = clientOf({ kind: 'basic', ...pick(registryUser) });
      await push(client, reference, image);
      await pull(client, reference);
      expect(await client.check(registry.host, signal)).toBe('authenticated');
      const wrong = clientOf({ kind: 'basic', username: 'ali', password: 'wrong' });
      for (const other of [clientOf(), wrong]) {
        await expect(pull(other, reference)).rejects.toMatchObject({ code: 'ERR_UNAUTHORIZED' });
      }
    } finally {
      await registry.stop();
    }
  });
});

describe('in the middle of a pull', () => {
  it('a token that isn’t taken any more is renewed, once', async () => {
    const registry = await startRegistry({
      auth: { kind: 'bearer', username: 'ali', password: 'x' },
    });
    try {
      const image = await sampleImage({
        layers: [[{ name: 'a', size: 300_000 }], [{ name: 'b' }]],
      });
      registry.addImage('app', 'v1', image);
      const client = clientOf({ kind: 'basic', username: 'ali', password: 'x' });
      const reference = parseReference(`${registry.host}/app:v1`);
      await client.manifest(reference, signal);
      const before = registry.tokensIssued;
      registry.revokeTokens();
      const bodies = await Promise.all(
        image.layers.map((layer) => client.blob(reference, layer, { offset: 0, signal })),
      );
      for (const { stream } of bodies) stream.resume();
      expect(registry.tokensIssued - before).toBe(1);
      await pull(client, `${registry.host}/app:v1`);
    } finally {
      await registry.close();
    }
  });

  it('a registry that refuses every token is asked no more than it takes to know', async () => {
    const registry = await startRegistry({
      auth: { kind: 'bearer', username: 'ali', password: 'x' },
    });
    try {
      const challenge = `Bearer realm="${registry.url}/token",service="rxfer"`;
      const headers = { 'www-authenticate': challenge };
      registry.inject({
        match: { path: /^\/v2\// },
        fault: { kind: 'status', status: 401, headers },
      });
      const client = clientOf({ kind: 'basic', username: 'ali', password: 'x' });
      const reference = parseReference(`${registry.host}/app:v1`);
      await expect(client.manifest(reference, signal)).rejects.toMatchObject({ status: 401 });
      expect(registry.requests.length).toBeLessThanOrEqual(6);
    } finally {
      await registry.close();
    }
  });
});
