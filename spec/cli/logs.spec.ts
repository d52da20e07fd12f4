import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { openLogger } from '../../src/cli/logging.js';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { cli, startCli } from '../support/cli.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

let registry: TestRegistry;
let reference: string;

beforeAll(async () => {
  registry = await startRegistry();
  registry.addImage('app', 'v1', await sampleImage({ layers: [[{ name: 'file', size: 1000 }]] }));
  reference = `${registry.host}/app:v1`;
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

const pull = (): string[] => ['pull', reference, '--store', temporaryFolder()];

describe('--log-level', () => {
  it('is silent by default', async () => {
    const { code, stderr } = await cli(...pull(), '--progress', 'none');
    expect([code, stderr]).toEqual([0, '']);
  });

  it('lets through what is at that level or above, on standard error', async () => {
    const { stdout, stderr } = await cli(...pull(), '--progress', 'none', '--log-level', 'debug');
    const lines = stderr.trimEnd().split('\n');
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z debug \w/);
    expect(stderr).toMatch(
      / debug HTTP request method=GET host=127\.0\.0\.1:\d+ path=\/v2\/app\/manifests\/v1 status=200 ms=\d+\n/,
    );
    expect(stderr).toMatch(/ debug layer registered digest=sha256:\w+ /);
    expect(stdout).toMatch(/\n1 layer pulled/);
    const quiet = await cli(...pull(), '--progress', 'none', '--log-level', 'info');
    expect(quiet.stderr).toBe('');
  });

  it('warns of what goes wrong on the way', async () => {
    const times = 1;
    registry.inject({ match: { path: /blobs/ }, times, fault: { kind: 'status', status: 503 } });
    const { code, stderr } = await cli(...pull(), '--progress', 'none', '--log-level', 'warn');
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^\S+ warn {2}trying again .*code=ERR_REGISTRY_UNAVAILABLE .*failures=1 wait=\d+\n$/,
    );
  }, 60_000);

  it('may be set by the environment, and objects be written', async () => {
    const args = [...pull(), '--progress', 'none', '--log-format', 'json'];
    const { stderr } = await startCli(args, { RXFER_LOG_LEVEL: 'debug' }).outcome;
    const lines = stderr.trimEnd().split('\n');
    const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(told).toContainEqual(
      expect.objectContaining({
        time: expect.stringMatching(/^\d{4}-/) as unknown,
        level: 'debug',
        message: 'HTTP request',
        status: 200,
      }),
    );
  });

  it('is one of those that there are', async () => {
    const { code, stderr } = await cli(...pull(), '--log-level', 'loud');
    expect(code).toBe(2);
    expect(stderr).toContain('silent, error, warn, info, debug');
    const { outcome } = startCli(pull(), { RXFER_LOG_LEVEL: 'loud' });
    expect((await outcome).code).toBe(2);
  });

  it('does without a screen that is drawn', async () => {
    const args = [...pull(), '--log-level', 'debug'];
    expect((await cli(...args)).stderr).toMatch(/^\w{12}: Pull complete$/m);
    expect(await cli(...args, '--progress', 'tty')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('write over each other') as string,
    });
  });

  it.each([
    ['images', []],
    ['df', []],
    ['gc', []],
    ['verify', []],
  ])('is known to rxfer %s', async (command, args) => {
    const options = ['--store', temporaryFolder(), '--log-level', 'debug'];
    expect(await cli(command, ...args, ...options)).toMatchObject({ code: 0 });
  });

  it('tells of what clients ask rxfer serve for', async () => {
    const socketPath = join(temporaryFolder(), 'engine.sock');
    const listen = ['--listen', `unix:${socketPath}`, '--store', temporaryFolder()];
    const running = startCli(['serve', ...listen, '--log-level', 'debug']);
    await once(running.process.stdout!, 'data');
    const path = '/images/create?fromImage=127.0.0.1:1/app&tag=v1';
    const sent = request({ socketPath, path: '/_ping', agent: false }).end();
    await once(sent, 'response');
    const pulling = request({ socketPath, path, method: 'POST', agent: false }).end();
    pulling.on('error', () => undefined).on('response', (response) => response.resume());
    await until(() => running.stderr().includes('operation began'));
    running.process.kill();
    const { code, stderr } = await running.outcome;
    expect(code).toBe(0);
    expect(stderr).toMatch(/debug request answered method=GET path=\/_ping status=200 ms=\d+\n/);
    expect(stderr).toMatch(/operation ended .* what=pull reference=127\.0\.0\.1:1\/app:v1/);
  }, 60_000);
});

describe('a line of the log', () => {
  const written = (format: 'text' | 'json', fields: Record<string, string>): string => {
    const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      openLogger({ logLevel: 'info', logFormat: format }).info(fields, 'said');
      return String(write.mock.calls[0]?.[0]);
    } finally {
      write.mockRestore();
    }
  };
  const hostile = 'a\u001b[2Jb\nc\u009bd\u202ee "f" \u{e0001}';

  it('quotes what has blanks, and nothing else', () => {
    const line = written('text', { host: 'example.com:5000', reason: 'not there', empty: '' });
    expect(line).toMatch(/Z info {2}said host=example\.com:5000 reason="not there" empty=""\n$/);
  });

  it.each(['text', 'json'] as const)('as %s holds nothing that a terminal follows', (format) => {
    const line = written(format, { reason: hostile });
    expect(line.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
    expect(line).toContain('\\u001b[2Jb\\nc\\u009bd\\u202ee \\"f\\" \\udb40\\udc01');
    if (format === 'json') expect(JSON.parse(line)).toMatchObject({ reason: hostile });
  });
});
