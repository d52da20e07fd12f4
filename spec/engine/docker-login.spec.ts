import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRegistryClient } from '../../src/registry/index.js';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { startDocker, type DockerOutcome } from '../support/docker.js';
import { startDockerRegistry } from '../support/docker-registry.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { describeWithPeers } from '../support/peers.js';
import { pushSample } from '../support/push-sample.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { startTokenServer, tokenUser } from '../support/token-server.js';
import { until } from '../support/until.js';

describeWithPeers(['docker', 'docker-registry', 'openssl'], 'an identity token', () => {
  it("of docker's configuration pulls and pushes, and is told to nobody", async () => {
    const tokens = await startTokenServer();
    const registry = await startDockerRegistry({ config: tokens.config });
    const logged: string[] = [];
    const note = (...words: unknown[]): void => void logged.push(JSON.stringify(words));
    const logger = { trace: note, debug: note, info: note, warn: note, error: note };
    const running = await startEngine(undefined, { logger });
    const name = `${registry.host}/team/app`;
    const { username, password, refreshToken } = tokenUser;
    const client = createRegistryClient({
      credentials: () => Promise.resolve({ kind: 'basic', username, password }),
    });
    try {
      const image = await sampleImage({ layers: [[{ name: 'a', size: 1000 }]] });
      await pushSample(client, `${name}:v1`, image);
      const config = temporaryFolder();
      const auth = Buffer.from(`${username}:`).toString('base64');
      const entry = { auth, identitytoken: refreshToken };
      writeFileSync(
        join(config, 'config.json'),
        JSON.stringify({ auths: { [registry.host]: entry } }),
      );
      const outcomes: DockerOutcome[] = [];
      for (const args of [
        ['pull', `${name}:v1`],
        ['tag', `${name}:v1`, `${name}:v2`],
        ['push', `${name}:v2`],
      ]) {
        outcomes.push(await startDocker(running.host, args, config).outcome);
      }
      expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
      expect(tokens.asked.at(-1)).toMatchObject({ method: 'POST', user: username });
      expect(logged.length).toBeGreaterThan(0);
      const told = JSON.stringify(outcomes) + logged.join('\n');
      for (const secret of [
        refreshToken,
        Buffer.from(JSON.stringify(entry)).toString('base64url'),
      ]) {
        expect(told).not.toContain(secret);
      }
      expect(told).not.toMatch(/x-registry-auth/i);
    } finally {
      await client.close();
      await running.close();
      await registry.stop();
      await tokens.close();
    }
  }, 60_000);
});

describeWithPeers(['docker'], 'docker login', () => {
  const login = { username: 'ali', password: 'open sesame' };
  let running: RunningEngine;
  let config: string;
  const registries: TestRegistry[] = [];
  const run = (...args: string[]): Promise<DockerOutcome> =>
    startDocker(running.host, args, config).outcome;
  const logIn = (host: string, password: string): Promise<DockerOutcome> =>
    run('login', '-u', login.username, '-p', password, host);
  const startWith = async (auth?: 'basic' | 'bearer'): Promise<TestRegistry> => {
    const registry = await startRegistry(
      auth === undefined ? {} : { auth: { kind: auth, ...login } },
    );
    registries.push(registry);
    registry.addImage('app', 'v1', await sampleImage({ layers: [[{ name: 'a', size: 1000 }]] }));
    return registry;
  };

  beforeEach(async () => {
    config = temporaryFolder();
    running = await startEngine();
  });
  afterEach(async () => {
    await running.close();
    for (const registry of registries.splice(0)) await registry.close();
  });
  afterAll(removeTemporaryFolders);

  it.each(['basic', 'bearer'] as const)(
    'is kept by the client once a registry with %s has taken it',
    async (kind) => {
      const registry = await startWith(kind);
      const name = `${registry.host}/app:v1`;
      expect((await run('pull', name)).code).toBe(1);
      const refused = await logIn(registry.host, 'wrong');
      expect(refused).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^WARNING.*\nError response from daemon: .*401/) as string,
      });
      expect(refused.stderr).not.toContain('wrong');
      expect(await logIn(registry.host, login.password)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Login Succeeded') as string,
      });
      expect(readFileSync(join(config, 'config.json'), 'utf8')).toContain(registry.host);
      expect((await run('pull', name)).code).toBe(0);
      expect((await run('pull', '--all-tags', `${registry.host}/app`)).code).toBe(0);
      await run('logout', registry.host);
      expect((await run('pull', '--all-tags', `${registry.host}/app`)).code).toBe(1);
      await until(() => running.openClients.size === 0);
    },
    60_000,
  );

  it('is shown to the registry that is named alone', async () => {
    const [open, other] = [await startWith(), await startWith()];
    expect((await logIn(open.host, login.password)).code).toBe(0);
    expect(open.requests.map(({ path }) => path)).toEqual(['/v2/']);
    expect(other.requests).toEqual([]);
  }, 60_000);

  it('fails where there is no registry', async () => {
    expect((await logIn('127.0.0.1:1', login.password)).stderr).toMatch(
      /Error response from daemon: 127\.0\.0\.1:1 refuses connections/,
    );
  }, 60_000);
});
