import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { dockerCredentials, type Credential } from '../../src/index.js';
import { fakeHelper } from '../support/credential-helper.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const basic = (username: string, password: string): Credential => ({
  kind: 'basic',
  username,
  password,
});

/** A home with files of credentials in it. */
function home(files: Readonly<Record<string, unknown>>): { HOME: string } {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(
      join(folder, name),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
  }
  return { HOME: folder };
}

const docker = '.docker/config.json';
const podman = '.config/containers/auth.json';

describe('dockerCredentials', () => {
  it('finds nothing where there is nothing', async () => {
    expect(await dockerCredentials(home({}))('quay.io')).toBeUndefined();
    expect(await dockerCredentials(home({ [docker]: '' }))('quay.io')).toBeUndefined();
    expect(await dockerCredentials(home({ [docker]: { auths: null } }))('quay.io')).toBeUndefined();
  });

  it.each([
    [{ auth: base64('ali:a:b') }, basic('ali', 'a:b')],
    [{ auth: base64('ali:päss\0\0') }, basic('ali', 'päss')],
    [{ username: 'ali', password: 'x' }, basic('ali', 'x')],
    [
      { auth: base64('ali:'), identitytoken: 'id' },
      { kind: 'identity', token: 'id' },
    ],
    [{ registrytoken: 'ready' }, { kind: 'bearer', token: 'ready' }],
    [{}, undefined],
  ])('reads the entry %j', async (entry, credential) => {
    const find = dockerCredentials(home({ [docker]: { auths: { 'quay.io': entry } } }));
    expect(await find('quay.io')).toEqual(credential);
    expect(await find('quay.io:443')).toBeUndefined();
  });

  it.each([
    ['https://index.docker.io/v1/', 'docker.io'],
    ['docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['https://quay.io', 'quay.io'],
    ['https://quay.io/v2/', 'quay.io'],
    ['http://localhost:5000/', 'localhost:5000'],
  ])('takes the key %s for %s', async (key, host) => {
    const find = dockerCredentials(
      home({ [docker]: { auths: { [key]: { auth: base64('a:b') } } } }),
    );
    expect(await find(host)).toEqual(basic('a', 'b'));
  });

  it('takes the nearest of the scopes of a repository', async () => {
    const auths = Object.fromEntries(
      ['quay.io', 'quay.io/team', 'quay.io/team/app'].map((key) => [
        key,
        { auth: base64(`${key}:x`) },
      ]),
    );
    const find = dockerCredentials(home({ [podman]: { auths } }));
    const userOf = async (repository?: string): Promise<string | undefined> => {
      const found = await find('quay.io', repository);
      return found?.kind === 'basic' ? found.username : undefined;
    };
    expect(await userOf('team/app')).toBe('quay.io/team/app');
    expect(await userOf('team/app/sub')).toBe('quay.io/team/app');
    expect(await userOf('team/other')).toBe('quay.io/team');
    expect(await userOf('teams')).toBe('quay.io');
    expect(await userOf()).toBe('quay.io');
  });

  it('looks at the sources in their order', async () => {
    const auths = (name: string) => ({ auths: { 'quay.io': { auth: base64(`${name}:x`) } } });
    const environment = {
      ...home({
        [docker]: auths('docker'),
        [podman]: auths('podman'),
        'run/containers/auth.json': auths('runtime'),
        'other/config.json': auths('other'),
        'chosen.json': auths('chosen'),
      }),
    };
    const { HOME } = environment;
    const userIn = async (more: Record<string, string>): Promise<string | undefined> => {
      const found = await dockerCredentials({ ...environment, ...more })('quay.io');
      return found?.kind === 'basic' ? found.username : undefined;
    };
    expect(await userIn({})).toBe('docker');
    expect(await userIn({ DOCKER_CONFIG: join(HOME, 'other') })).toBe('other');
    const none = { DOCKER_CONFIG: join(HOME, 'none') };
    expect(await userIn(none)).toBe('podman');
    expect(await userIn({ ...none, XDG_RUNTIME_DIR: join(HOME, 'run') })).toBe('runtime');
    expect(await userIn({ ...none, XDG_CONFIG_HOME: HOME })).toBeUndefined();
    const chosen = { REGISTRY_AUTH_FILE: join(HOME, 'chosen.json') };
    expect(await userIn(chosen)).toBe('chosen');
    expect(await userIn({ REGISTRY_AUTH_FILE: join(HOME, 'none.json') })).toBeUndefined();
    const inline = { DOCKER_AUTH_CONFIG: JSON.stringify(auths('inline')) };
    expect(await userIn({ ...chosen, ...inline })).toBe('inline');
    expect(await userIn({ DOCKER_AUTH_CONFIG: '{"auths":{}}' })).toBe('docker');
  });

  it('asks the helper of a registry, or that of all, before the file', async () => {
    const helper = fakeHelper({
      'https://index.docker.io/v1/': { Username: 'hub', Secret: 's' },
      'https://gcr.io': { Username: '<token>', Secret: 'refresh' },
    });
    const auths = { 'quay.io': { auth: base64('file:x') }, 'gcr.io': {} };
    const inAll = { ...home({ [docker]: { auths, credsStore: helper.name } }), PATH: helper.path };
    const find = dockerCredentials(inAll);
    expect(await find('docker.io', 'library/alpine')).toEqual(basic('hub', 's'));
    expect(await find('gcr.io')).toEqual({ kind: 'identity', token: 'refresh' });
    expect(await find('quay.io')).toEqual(basic('file', 'x'));
    const credHelpers = { 'gcr.io': helper.name };
    const inOne = { ...home({ [docker]: { auths, credHelpers } }), PATH: helper.path };
    expect(await dockerCredentials(inOne)('gcr.io')).toMatchObject({ kind: 'identity' });
    expect(await dockerCredentials(inOne)('docker.io')).toBeUndefined();
  });

  it('goes without the list of a helper that has none', async () => {
    const helper = fakeHelper({ 'quay.io': { Username: 'ali', Secret: 's' } }, ['list']);
    const environment = { ...home({ [docker]: { credsStore: helper.name } }), PATH: helper.path };
    const find = dockerCredentials(environment);
    expect(await find('quay.io')).toEqual(basic('ali', 's'));
    expect(await find('gcr.io')).toBeUndefined();
  });

  it('tells what is wrong with a file or helper, and nothing of what is in it', async () => {
    const files = {
      notJson: `{"auths":{"quay.io":{"auth":"${base64('ali:s3cret')}"`,
      notText: { auths: { 'quay.io': { auth: { s3cret: 1 } } } },
      noPair: { auths: { 'quay.io': { auth: base64('s3cret') } } },
      noHelper: { credsStore: 'rxfer-is-not-there' },
      badName: { credsStore: '../../bin/sh' },
    };
    for (const [name, content] of Object.entries(files)) {
      const find = dockerCredentials({ ...home({ [docker]: content }), PATH: '/usr/bin' });
      const error: unknown = await find('quay.io').then(
        () => name,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code: 'ERR_CREDENTIALS' });
      expect(inspect(error, { depth: 9 })).not.toContain('s3cret');
      expect(inspect(error, { depth: 9 })).not.toContain(base64('ali:s3cret').slice(4));
    }
  });
});
