import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { cli, startCli, type RunningCli } from '../support/cli.js';
import { docker, startDocker } from '../support/docker.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

afterAll(removeTemporaryFolders);

/** Starts the server; resolves with what it says that it listens on. */
async function serve(...args: string[]): Promise<{ running: RunningCli; host: string }> {
  const running = startCli(['serve', '--store', temporaryFolder(), ...args]);
  const host = await new Promise<string>((resolve, reject) => {
    running.process.stdout?.once('data', (data: Buffer) => {
      resolve(/^Listening on (\S+)\n$/.exec(data.toString())?.[1] ?? '');
    });
    running.process.once('exit', () => reject(new Error(running.stderr())));
  });
  return { running, host };
}

describe('rxfer serve', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'listens on a socket until %s, which is how it is meant to end',
    async (signal) => {
      const file = join(temporaryFolder(), 'rxfer.sock');
      const { running, host } = await serve('--listen', `unix:${file}`);
      expect(host).toBe(`unix://${file}`);
      expect(lstatSync(file).mode & 0o777).toBe(0o600);
      running.process.kill(signal);
      expect(await running.outcome).toMatchObject({ code: 0, stderr: '' });
      expect(existsSync(file)).toBe(false);
    },
    60_000,
  );

  it('replaces the socket of one that was killed, and none of one that lives', async () => {
    const file = join(temporaryFolder(), 'rxfer.sock');
    const killed = await serve('--listen', `unix:${file}`);
    killed.running.process.kill('SIGKILL');
    await killed.running.outcome;
    expect(lstatSync(file).isSocket()).toBe(true);
    const { running } = await serve('--listen', `unix:${file}`);
    const second = await cli('serve', '--store', temporaryFolder(), '--listen', `unix:${file}`);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^rxfer: .* can't be listened on: another server .*\n {2}.+\n$/);
    running.process.kill();
    await running.outcome;
  }, 60_000);

  it('lets nobody in from elsewhere unless it is told to', async () => {
    const args = ['serve', '--store', temporaryFolder(), '--listen', 'tcp:0.0.0.0:0'];
    expect(await cli(...args)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('(--allow-remote)') as string,
    });
    expect(await cli('serve', '--listen', 'nowhere')).toMatchObject({ code: 2 });
  }, 60_000);
});

describeWithPeers(['docker'], 'docker against rxfer serve', () => {
  let registry: TestRegistry;
  beforeAll(async () => (registry = await startRegistry()));
  afterAll(() => registry.close());

  it('pulls, and is told when the server ends in the middle of it', async () => {
    const image = await sampleImage({ layers: [[{ name: 'large', size: 3_000_000 }]] });
    registry.addImage('app', 'v1', image);
    const { running, host } = await serve('--listen', 'tcp:127.0.0.1:0');
    const slow = registry.inject({
      match: { path: /\/blobs\// },
      fault: { kind: 'rate', bytesPerSecond: 500_000 },
    });
    const pull = startDocker(host, ['pull', `${registry.host}/app:v1`]);
    await until(() => registry.bytesServed(image.layers[0]!.digest) > 300_000);
    running.process.kill('SIGINT');
    expect(await running.outcome).toMatchObject({ code: 0, stderr: '' });
    expect(await pull.outcome).toMatchObject({ code: 1, stderr: 'The engine is closing\n' });
    slow.remove();

    const next = await serve('--listen', 'tcp:127.0.0.1:0');
    expect(await docker(next.host, 'pull', '-q', `${registry.host}/app:v1`)).toContain('app:v1');
    next.running.process.kill();
    await next.running.outcome;
  }, 90_000);
});
