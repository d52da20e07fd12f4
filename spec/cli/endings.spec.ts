import { spawnSync } from 'node:child_process';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { cli, cliEnvironment, cliFile, startCli } from '../support/cli.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

describe('an interruption', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'by %s cancels at once, with %d, and the next pull resumes',
    async (signal, exitCode) => {
      const size = 4_000_000;
      const image = await sampleImage({ layers: [[{ name: `big-${signal}`, size }]] });
      const [layer] = image.layers;
      registry.addImage('big', 'v1', image);
      const slow = registry.inject({
        match: { digest: layer!.digest },
        fault: { kind: 'rate', bytesPerSecond: 500_000 },
      });
      const store = temporaryFolder();
      const args = ['pull', `${registry.host}/big:v1`, '--store', store];
      const first = startCli(args);
      await until(() => registry.bytesServed(layer!.digest) > 1_000_000);
      const begin = performance.now();
      first.process.kill(signal);
      const { code, stdout, stderr } = await first.outcome;
      expect([code, stdout]).toEqual([exitCode, '']);
      // The rest of the layer would have taken six seconds.
      expect(performance.now() - begin).toBeLessThan(4000);
      expect(stderr).toMatch(/\nrxfer: interrupted\n$/);
      slow.remove();

      expect(await cli('images', '--store', store)).toMatchObject({ code: 0, stderr: '' });
      const second = await cli(...args, '--format', 'json');
      expect(second.code).toBe(0);
      const { bytes } = JSON.parse(second.stdout) as { bytes: number };
      expect(bytes).toBeLessThan(layer!.size - 500_000);
      const ranges = registry.requests.flatMap(({ path, range }) =>
        path.endsWith(layer!.digest) ? [range] : [],
      );
      expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    },
    60_000,
  );
});

describe('wrong usage', () => {
  it.each([
    [['pull', 'app/UPPER'], /^rxfer: 'app\/UPPER' is not an image reference: .*\n +\^\n {2}.+\n$/],
    [['pull'], /missing required argument 'refs'/],
    [['pull', 'a', '--platform', 'linux'], /os\/arch/],
    [['pull', 'a', '--concurrency', '-1'], /whole number/],
    [['pull', 'a', '--progress', 'loud'], /Allowed choices are auto/],
    [['copy', 'a', 'oci:'], /^rxfer: 'oci:' can't be copied from or to: .*\n {2}.+\n$/],
    [['fetch', 'a'], /unknown command 'fetch'/],
    [['pull', 'a', '--fast'], /unknown option '--fast'/],
  ])('%j exits with 2 and says what is wrong', async (args, message) => {
    const { code, stdout, stderr } = await cli(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
  });

  it('is not asking for help or for the version', async () => {
    const help = await cli('--help');
    expect([help.code, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toContain('pull');
    const version = await cli('--version');
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a failure', () => {
  it('exits with 1 and one line on what, one on what to do; the stack only with --debug', async () => {
    const args = ['inspect', 'nothing:here', '--store', temporaryFolder()];
    const { code, stdout, stderr } = await cli(...args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'rxfer: There is no image docker.io/library/nothing:here in the store\n' +
        '  Pull it first: rxfer pull nothing:here\n',
    );
    expect((await cli(...args, '--debug')).stderr).toContain('    at ');
  });

  it('of a registry that is gone names it', async () => {
    const gone = await startRegistry();
    const { host } = gone;
    await gone.close();
    const { code, stderr } = await cli('pull', `${host}/app:v1`, '--store', temporaryFolder());
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
    expect(stderr).toContain(host);
  });
});

describe('output that is not read', () => {
  const shell = (command: string) =>
    spawnSync('bash', ['-c', command], {
      encoding: 'utf8',
      env: { ...cliEnvironment(temporaryFolder()), CLI: `${process.execPath} ${cliFile}` },
    });

  it('is no failure where its reader has enough', () => {
    const { stdout, stderr } = shell('$CLI --help | true; echo "${PIPESTATUS[0]}"');
    expect([stdout, stderr]).toEqual(['0\n', '']);
  });

  it('does not stop a pull where it is progress', async () => {
    const image = await sampleImage({ layers: [[{ name: 'a', size: 1000 }]] });
    registry.addImage('small', 'v1', image);
    const child = startCli(['pull', `${registry.host}/small:v1`, '--store', temporaryFolder()]);
    child.process.stderr?.destroy();
    const { code, stdout } = await child.outcome;
    expect(code).toBe(0);
    expect(stdout).toContain(image.descriptor.digest);
  });

  it('is a failure where the result finds no room', () => {
    const { status, stderr } = shell('$CLI --version > /dev/full');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rxfer: The result can't be written: .*ENOSPC/);
  });
});
