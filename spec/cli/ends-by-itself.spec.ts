import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import { startCli, type RunningCli } from '../support/cli.js';
import { closeAll, closedPort } from '../support/loopback.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

/** In ms: a socket that is kept alive, or a wait for another attempt, would take longer. */
const atOnce = 2500;

let registry: TestRegistry;
let store: string;
let watcher: ChildProgram;

beforeAll(async () => {
  watcher = compileChildProgram('watch-exit');
  registry = await startRegistry();
  const image = await sampleImage({ layers: [[{ name: 'file', size: 1_000_000 }]] });
  for (const name of ['app', 'slow', 'down']) registry.addImage(name, 'v1', image);
  registry.inject({
    match: { path: /\/slow\/blobs/, digest: image.layers[0]!.digest },
    fault: { kind: 'stall', afterBytes: 500_000 },
  });
  registry.inject({ match: { path: /\/down\// }, fault: { kind: 'status', status: 503 } });
  store = temporaryFolder();
  await run('pull', '$/app:v1').outcome;
});
afterAll(async () => {
  await closeAll();
  await registry.close();
  watcher.remove();
  removeTemporaryFolders();
});

interface WatchedCli extends RunningCli {
  /** How it ended. */
  readonly exit: () => unknown;
}

/** Runs a command, with the registry in place of `$`. */
function run(...args: string[]): WatchedCli {
  const file = join(temporaryFolder(), 'exit');
  const environment = { NODE_OPTIONS: `--require ${watcher.file}`, RXFER_SPEC_EXIT: file };
  const own = { RXFER_STORE: store, ...environment };
  const full = args.map((argument) => argument.replace('$', registry.host));
  return { ...startCli(full, own), exit: () => JSON.parse(readFileSync(file, 'utf8')) as unknown };
}

function expectByItself({ exit }: WatchedCli): void {
  expect(exit()).toEqual({ kind: 'itself', after: expect.any(Number) as number });
  expect((exit() as { after: number }).after).toBeLessThan(atOnce);
}

describe('a command ends by itself, and at once', () => {
  it.each<[number, ...string[]]>([
    [0, 'pull', '$/app:v1'],
    [1, 'pull', '$/none:v1'],
    [2, 'pull', 'UPPER'],
    [0, 'push', '$/pushed:v1', '$/app:v1'],
    [1, 'push', '$/pushed:v1', '$/none:v1'],
    [0, 'copy', '$/app:v1', '$/copied:v1', '--referrers'],
    [0, 'tags', '$/app'],
    [0, 'catalog', '$', '--limit', '1'],
    [0, 'referrers', '$/app:v1'],
    [1, 'delete', '$/none:v1'],
    [2, 'login', '$', '-u', 'ali'],
    [0, 'logout', '$'],
    [0, 'images'],
    [0, 'inspect', '$/app:v1'],
    [0, 'verify'],
    [0, 'gc'],
    [0, 'df'],
    [1, 'rmi', '$/none:v1'],
    [0, '--version'],
    [0, '--help'],
  ])('with %d: %s %s %s', async (code, ...args) => {
    const cli = run(...args);
    const { stderr, ...outcome } = await cli.outcome;
    expect({ ...outcome, stderr: outcome.code === code ? '' : stderr }).toMatchObject({
      code,
      stderr: '',
    });
    expectByItself(cli);
  });

  it('where nobody answers', async () => {
    const cli = run('pull', `${await closedPort()}/app:v1`);
    expect((await cli.outcome).code).toBe(1);
    expectByItself(cli);
  });

  it.each([
    ['in a layer', 'slow', 'Downloading'],
    ['in a wait', 'down', 'Retrying in'],
  ])('interrupted %s', async (_, name, phase) => {
    const cli = run('pull', `$/${name}:v1`, '--progress', 'plain', '--store', temporaryFolder());
    await until(() => cli.stderr().includes(phase));
    cli.process.kill('SIGINT');
    expect((await cli.outcome).code).toBe(130);
    expectByItself(cli);
  });

  it('serve, once it is told to end', async () => {
    const cli = run('serve', '--listen', 'tcp:127.0.0.1:0');
    const printed: string[] = [];
    cli.process.stdout?.on('data', (chunk: Buffer) => printed.push(String(chunk)));
    await until(() => (printed.join('') + cli.stderr()).includes('127.0.0.1:'));
    cli.process.kill('SIGTERM');
    expect((await cli.outcome).code).toBe(0);
    expectByItself(cli);
  });
});
