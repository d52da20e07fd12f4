import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { cliEnvironment, cliFile } from '../support/cli.js';
import { codeBlocksOf, pages } from '../support/code-blocks.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const root = join(__dirname, '../..');
let registry: TestRegistry;
let folder: string;

beforeAll(async () => {
  registry = await startRegistry();
  const image = await sampleImage({ layers: [[{ name: 'etc/' }, { name: 'etc/os', size: 1000 }]] });
  registry.addImage('library/alpine', '3.20', image);
  folder = temporaryFolder();
  const cli = `#!/bin/sh\nexec "${process.execPath}" "${cliFile}" "$@"\n`;
  writeFileSync(join(folder, 'rxfer'), cli, { mode: 0o755 });
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

/** With the images of the pages taken from the registry of this spec, and files in its folder. */
function there(text: string): string {
  return text
    .replace(/(?<![\w/:])alpine:3\.20/g, `${registry.host}/library/alpine:3.20`)
    .replaceAll('localhost:5000', registry.host)
    .replaceAll('/tmp/', `${folder}/`);
}

function environment(): NodeJS.ProcessEnv {
  return { ...cliEnvironment(folder), PATH: `${folder}:${process.env['PATH'] ?? ''}` };
}

async function run(command: string): Promise<string> {
  const options = { cwd: folder, env: environment() };
  const { stdout } = await promisify(execFile)('bash', ['-c', there(command)], options);
  return stdout;
}

/** The commands that a page shows in its blocks for a shell, without the comments beside them. */
function commandsOf(page: string): string[] {
  return codeBlocksOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.trimEnd().split('\n'))
    .map((line) => line.replace(/(?:^| +)#.*$/, ''))
    .filter((line) => line !== '')
    .flatMap((line) => line.split(' && '));
}

const all = pages.flatMap((page) => commandsOf(page).map((command) => [page, command] as const));
const ours = (command: string): boolean => command.startsWith('rxfer ');

it('the pages show commands of rxfer and of npm', () => {
  for (const [, command] of all) expect(command).toMatch(/^(?:rxfer|npm) /);
});

it('those of npm are known to npm, or are scripts of the package', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = all.flatMap(([, command]) => /^npm (?:run )?([\w:]+)/.exec(command)?.[1] ?? []);
  expect(named).toContain('test');
  const known = [...Object.keys(scripts), 'ci', 'link', 'install', 'pack'];
  for (const name of named) expect(known).toContain(name);
});

it('those of rxfer do what they say', async () => {
  const outputs = new Map<string, string>();
  // In their order, since one has what the next one takes.
  for (const [, command] of all.filter(([, each]) => ours(each))) {
    outputs.set(command, await run(command));
  }
  expect(outputs.size).toBeGreaterThanOrEqual(9);
  expect(outputs.get('rxfer images')).toContain('/library/alpine:3.20');
  expect(readFileSync(join(folder, 'rootfs/etc/os'))).toHaveLength(1000);
  expect(readFileSync(join(folder, 'alpine/oci-layout'), 'utf8')).toContain('1.0.0');
  expect(existsSync(join(folder, 'a.tar'))).toBe(true);
  expect([...registry.repository('alpine').tags.keys()]).toEqual(['3.20']);
}, 90_000);

describeWithPeers(['docker'], "the session with Docker's client", () => {
  it('goes as the README shows it', async () => {
    const [block] = codeBlocksOf('README.md').filter(({ language }) => language === 'console');
    const [serve = '', answer = '', pull = '', ...more] = (block?.code ?? '').trimEnd().split('\n');
    expect(more).toEqual([]);
    expect([serve.startsWith('$ rxfer serve '), pull.startsWith('$ docker ')]).toEqual([
      true,
      true,
    ]);
    const command = there(serve.slice(2)).replace(/ &$/, '');
    const options = { cwd: folder, env: environment(), stdio: 'pipe' } as const;
    const server = spawn('bash', ['-c', `exec ${command}`], options);
    try {
      const [said] = (await once(server.stdout, 'data')) as [Buffer];
      expect(said.toString()).toBe(`${there(answer)}\n`);
      expect(await run(pull.slice(2))).toMatch(/^Digest: sha256:\w{64}$/m);
    } finally {
      server.kill();
      await once(server, 'close');
    }
  }, 60_000);
});
