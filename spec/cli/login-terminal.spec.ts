import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  registryUser,
  startDockerRegistry,
  type DockerRegistry,
} from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { Terminal } from '../support/tmux.js';
import { until } from '../support/until.js';

const { username, password } = registryUser;

describeWithPeers(['docker-registry', 'tmux'], 'rxfer login on a terminal', () => {
  let registry: DockerRegistry;
  let folder: string;
  let terminal: Terminal | undefined;

  beforeAll(async () => {
    registry = await startDockerRegistry({ htpasswd: registryUser.htpasswd });
  });
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    terminal?.close();
    terminal = undefined;
  });
  afterAll(async () => {
    await registry.stop();
    removeTemporaryFolders();
  });

  const login = (...args: string[]): Terminal => {
    const environment = { DOCKER_CONFIG: folder };
    const room = { columns: 120, rows: 24, environment };
    terminal = new Terminal(['login', registry.host, ...args], room);
    return terminal;
  };
  const shows = (text: string): Promise<void> =>
    until(() => terminal?.lines().some((line) => line.includes(text)) ?? false);
  const seen = (): string => terminal?.history().join('\n') ?? '';
  const stored = (): unknown => JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));

  it('asks for the user name, which is seen, and for the password, which is not', async () => {
    const screen = login();
    await shows('User name:');
    screen.press(username);
    screen.press('Enter');
    await shows('Password:');
    screen.press(password);
    screen.press('Enter');
    expect(await screen.ended()).toBe(0);
    expect(seen()).toContain(`User name: ${username}`);
    expect(seen()).toContain(`Logged in to ${registry.host} as ${username}`);
    for (const secret of [password, ...password.split(' ')]) expect(seen()).not.toContain(secret);
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    expect(stored()).toMatchObject({ auths: { [registry.host]: { auth } } });
    expect(screen.showsCursor()).toBe(true);
    // The terminal echoes again what is typed.
    screen.press('afterwards');
    await shows('afterwards');
  });

  it('takes a correction of the password, and says where it is refused', async () => {
    const screen = login('-u', username);
    await shows('Password:');
    screen.press('wrong');
    screen.press('BSpace');
    screen.press('Enter');
    expect(await screen.ended()).toBe(1);
    expect(seen()).toContain('401');
    expect(seen()).not.toMatch(/wron/);
    expect(existsSync(join(folder, 'config.json'))).toBe(false);
  });

  it.each([
    ['Ctrl-C', ['half of it', 'C-c']],
    ['the end of the input', ['C-d']],
  ])('ends at the password by %s, and the terminal echoes again', async (_, keys) => {
    const screen = login('-u', username);
    await shows('Password:');
    for (const key of keys) screen.press(key);
    expect(await screen.ended()).toBe(130);
    expect(seen()).toContain('rxfer: interrupted');
    expect(seen()).not.toContain('half');
    expect(existsSync(join(folder, 'config.json'))).toBe(false);
    screen.press('afterwards');
    await shows('afterwards');
  });

  it('asks for nothing with --password-stdin', async () => {
    const screen = login('-u', username, '--password-stdin');
    screen.press(password);
    screen.press('Enter');
    screen.press('C-d');
    expect(await screen.ended()).toBe(0);
    expect(seen()).not.toContain('Password:');
    expect(stored()).toHaveProperty('auths');
  });

  it('says with --password-stdin and no user that there is one to give', async () => {
    const screen = login('--password-stdin');
    await shows('User name');
    expect(seen()).not.toContain('Password:');
    screen.press('C-c');
    expect(await screen.ended()).toBe(130);
  });
});
