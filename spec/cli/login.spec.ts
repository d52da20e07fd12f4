import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCli, type CliOutcome } from '../support/cli.js';
import { fakeHelper } from '../support/credential-helper.js';
import {
  registryUser,
  startDockerRegistry,
  type DockerRegistry,
} from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';
import { run } from '../support/run.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const { username, password } = registryUser;
const basic = Buffer.from(`${username}:${password}`).toString('base64');

afterAll(removeTemporaryFolders);

describeWithPeers(['docker-registry', 'skopeo'], 'rxfer login', () => {
  let registry: DockerRegistry;
  let folder: string;
  let file: string;

  beforeAll(async () => {
    registry = await startDockerRegistry({ htpasswd: registryUser.htpasswd });
  });
  afterAll(() => registry.stop());
  beforeEach(() => {
    folder = temporaryFolder();
    file = join(folder, 'config.json');
  });

  const rxfer = (
    args: readonly string[],
    input?: string,
    environment: Record<string, string> = {},
  ): Promise<CliOutcome> =>
    startCli(args, { DOCKER_CONFIG: folder, ...environment }, input).outcome;
  const login = (input = `${password}\n`, environment: Record<string, string> = {}) =>
    rxfer(['login', registry.host, '-u', username, '--password-stdin'], input, environment);
  const read = (): Record<string, unknown> =>
    JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;

  it('keeps what the registry has taken, and everything else that is in the file', async () => {
    const before = {
      auths: { 'quay.io': { auth: 'YTpi', email: 'a@b' }, [`https://${registry.host}/v1/`]: {} },
      HttpHeaders: { a: 'b' },
    };
    writeFileSync(file, JSON.stringify(before), { mode: 0o644 });
    const { code, stdout } = await login();
    expect(stdout).toBe(`Logged in to ${registry.host} as ${username}; kept in ${file}\n`);
    expect(code).toBe(0);
    expect(read()).toEqual({
      auths: { 'quay.io': before.auths['quay.io'], [registry.host]: { auth: basic } },
      HttpHeaders: { a: 'b' },
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['config.json']);
    const out = await rxfer(['logout', registry.host]);
    expect(out.stdout).toBe(`Logged out of ${registry.host}; removed from ${file}\n`);
    expect(read()).toEqual({
      auths: { 'quay.io': before.auths['quay.io'] },
      HttpHeaders: { a: 'b' },
    });
    const again = await rxfer(['logout', registry.host]);
    expect(again).toMatchObject({ code: 0, stdout: `Not logged in to ${registry.host}\n` });
  });

  it('is understood by skopeo, and understands it', async () => {
    const other = temporaryFolder();
    await login();
    const user = await run('skopeo', 'login', '--get-login', '--authfile', file, registry.host);
    expect(user.trim()).toBe(username);
    const authFile = join(other, 'auth.json');
    await run(
      'skopeo',
      'login',
      '--tls-verify=false',
      '--authfile',
      authFile,
      '-u',
      username,
      '-p',
      password,
      registry.host,
    );
    const environment = { REGISTRY_AUTH_FILE: authFile };
    const pull = await rxfer(
      ['pull', `${registry.host}/none:v1`, '--store', temporaryFolder()],
      '',
      environment,
    );
    expect(pull.stderr).toContain('404');
    const out = await rxfer(['logout', registry.host], '', environment);
    expect(out.stdout).toContain(authFile);
  });

  it('takes a file of REGISTRY_AUTH_FILE that is not there as empty, and creates it', async () => {
    const authFile = join(folder, 'new', 'auth.json');
    const environment = { REGISTRY_AUTH_FILE: authFile };
    const tags = () => rxfer(['tags', `${registry.host}/none`], '', environment);
    expect((await tags()).stderr).toContain('401');
    const { stdout } = await login(undefined, environment);
    expect(stdout).toContain(authFile);
    expect(statSync(authFile).mode & 0o777).toBe(0o600);
    expect((await tags()).stderr).toContain('404');
  });

  it('keeps nothing that the registry refuses', async () => {
    const { code, stderr } = await login('wrong-password\n');
    expect(code).toBe(1);
    expect(stderr).toContain('401');
    expect(stderr).not.toContain('wrong-password');
    expect(existsSync(file)).toBe(false);
  });

  it('gives the password to the helper that the configuration names', async () => {
    const helper = fakeHelper();
    writeFileSync(file, JSON.stringify({ credsStore: helper.name }));
    const environment = { PATH: helper.path };
    const { stdout } = await login(password, environment);
    expect(stdout).toContain('kept in the credential helper');
    expect(helper.kept()).toEqual({ [registry.host]: { Username: username, Secret: password } });
    expect(read()).toEqual({ credsStore: helper.name, auths: { [registry.host]: {} } });
    const args = ['pull', `${registry.host}/none:v1`, '--store', temporaryFolder()];
    expect((await rxfer(args, '', environment)).stderr).toContain('404');
    await rxfer(['logout', registry.host], '', environment);
    expect(helper.kept()).toEqual({});
    expect(read()).toEqual({ credsStore: helper.name, auths: {} });
  });

  it('forgets a login in a helper that has no list', async () => {
    const helper = fakeHelper({}, ['list']);
    writeFileSync(file, JSON.stringify({ credsStore: helper.name }));
    const environment = { PATH: helper.path };
    await login(password, environment);
    const { code, stderr } = await rxfer(['logout', registry.host], '', environment);
    expect({ code, stderr, kept: helper.kept() }).toEqual({ code: 0, stderr: '', kept: {} });
  });

  it('says how to give a password where there is no terminal', async () => {
    const { code, stderr } = await rxfer(['login', registry.host]);
    expect(code).toBe(2);
    expect(stderr).toContain('--password-stdin');
    expect((await rxfer(['login', 'https://quay.io'])).code).toBe(2);
  });

  it('leaves a file alone that it does not understand', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, '{"auths":');
    const { code, stderr } = await login();
    expect(code).toBe(1);
    expect(stderr).toContain(file);
    expect(readFileSync(file, 'utf8')).toBe('{"auths":');
  });
});
