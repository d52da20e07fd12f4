import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { startDocker } from '../support/docker.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

describeWithPeers(['docker'], 'several docker clients at once', () => {
  let registry: TestRegistry;
  let running: RunningEngine;
  let image: SampleImage;
  const login = { username: 'ali', password: 'open sesame' };
  const idle = (): Promise<unknown> =>
    firstValueFrom(running.rxfer.downloads$.pipe(filter(({ active }) => active === 0)));
  const served = (): number => registry.bytesServed(image.layers[0]!.digest);

  beforeEach(async () => {
    registry = await startRegistry();
    image = await sampleImage({ layers: [[{ name: 'large', size: 3_000_000 }]] });
    registry.addImage('app', 'v1', image);
    registry.inject({
      match: { digest: image.layers[0]!.digest },
      fault: { kind: 'rate', bytesPerSecond: 1_000_000 },
    });
    running = await startEngine();
  });
  afterEach(async () => {
    await running.close();
    await registry.close();
  });
  afterAll(removeTemporaryFolders);

  it('share one transfer, which goes on when one of them hangs up', async () => {
    const pull = ['pull', `${registry.host}/app:v1`];
    const clients = [1, 2, 3].map(() => startDocker(running.host, pull));
    const resolved = (): number =>
      registry.requests.filter(({ path }) => path.includes('/manifests/')).length;
    await until(() => resolved() >= 3 && served() > 0);
    clients[0]!.process.kill('SIGKILL');
    const outcomes = await Promise.all(clients.map(({ outcome }) => outcome));
    expect(outcomes.map(({ code }) => code)).toEqual([null, 0, 0]);
    for (const { stdout } of outcomes.slice(1)) expect(stdout).toContain('Pull complete');
    expect(served()).toBe(image.layers[0]!.size);
    await until(() => running.openClients.size === 0);
  }, 60_000);

  it('cancel it when the last one hangs up', async () => {
    const client = startDocker(running.host, ['pull', `${registry.host}/app:v1`]);
    await until(() => served() > 300_000);
    client.process.kill();
    await client.outcome;
    await idle();
    await until(() => running.openClients.size === 0);
    expect(served()).toBeLessThan(image.layers[0]!.size);
    expect(await running.store.images.list()).toEqual([]);
  }, 60_000);

  it('are told when the engine closes', async () => {
    const client = startDocker(running.host, ['pull', `${registry.host}/app:v1`]);
    const events = startDocker(running.host, ['events']);
    await until(() => served() > 300_000);
    await running.engine.close();
    expect(await client.outcome).toMatchObject({ code: 1, stderr: 'The engine is closing\n' });
    await events.outcome;
    await until(() => running.openClients.size === 0);
  }, 60_000);

  it('show their own login to the registry, and to that one alone', async () => {
    const closed = await startRegistry({ auth: { kind: 'basic', ...login } });
    closed.addImage('app', 'v1', image);
    const config = temporaryFolder();
    const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    writeFileSync(
      join(config, 'config.json'),
      JSON.stringify({ auths: { [closed.host]: { auth } } }),
    );
    const reference = `${closed.host}/app:v1`;
    const stranger = await startDocker(running.host, ['pull', reference]).outcome;
    expect(stranger.stderr).toMatch(/^Error response from daemon: .*401/);
    expect(await startDocker(running.host, ['pull', reference], config).outcome).toMatchObject({
      code: 0,
      stderr: '',
    });
    const open = await startDocker(running.host, ['pull', `${registry.host}/app:v1`], config)
      .outcome;
    expect(open.code).toBe(0);
    expect(registry.requests.filter(({ authorization }) => authorization !== undefined)).toEqual(
      [],
    );
    const pushed = await startDocker(running.host, ['push', reference], config).outcome;
    expect(pushed.stdout).toContain(image.descriptor.digest);
    await closed.close();
  }, 60_000);
});
