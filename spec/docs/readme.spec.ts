import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { cliEnvironment, cliFile } from '../support/cli.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const root = join(__dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

function blocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm');
  return [...readme.matchAll(fence)].map(([, code = '']) => code);
}

let registry: TestRegistry;
let folder: string;

beforeAll(async () => {
  registry = await startRegistry();
  const image = await sampleImage({ layers: [[{ name: 'etc/' }, { name: 'etc/os', size: 1000 }]] });
  registry.addImage('library/alpine', '3.20', image);
  folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/rxfer'));
  symlinkSync(join(root, 'node_modules/rxjs'), join(folder, 'node_modules/rxjs'));
  const cli = `#!/bin/sh\nexec "${process.execPath}" "${cliFile}" "$@"\n`;
  writeFileSync(join(folder, 'rxfer'), cli, { mode: 0o755 });
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

/** With the images of the README taken from the registry of this spec. */
function there(text: string): string {
  return text
    .replace(/(?<![\w/:])alpine:3\.20/g, `${registry.host}/library/alpine:3.20`)
    .replaceAll('localhost:5000', registry.host);
}

async function run(command: string, ...args: string[]): Promise<string> {
  const env = { ...cliEnvironment(folder), PATH: `${folder}:${process.env['PATH'] ?? ''}` };
  const { stdout } = await promisify(execFile)(command, args, { cwd: folder, env });
  return stdout;
}

it('the commands of the README do what they say', async () => {
  const commands = blocks('sh')
    .flatMap((block) => block.split('\n'))
    .filter((line) => line.startsWith('rxfer '))
    .map((line) => line.replace(/ +#.*$/, ''));
  expect(commands.length).toBeGreaterThanOrEqual(6);
  const outputs = new Map<string, string>();
  for (const command of commands) outputs.set(command, await run('sh', '-c', there(command)));
  expect(outputs.get('rxfer images')).toContain('/library/alpine:3.20');
  expect(readFileSync(join(folder, 'rootfs/etc/os'))).toHaveLength(1000);
  expect(readFileSync(join(folder, 'alpine/oci-layout'), 'utf8')).toContain('1.0.0');
  expect([...registry.repository('alpine').tags.keys()]).toEqual(['3.20']);
}, 90_000);

it('the code of the README runs', async () => {
  const [pull = '', kernel = '', ...others] = blocks('ts');
  expect(others).toEqual([]);
  const write = (name: string, code: string): void => {
    const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
    const { outputText } = transpileModule(code, { compilerOptions });
    writeFileSync(join(folder, name), outputText);
  };
  write('pull.mjs', there(pull));
  expect(await run(process.execPath, 'pull.mjs')).toMatch(/^\d+ of \d+$/m);
  const expectation = `
    import { deepStrictEqual } from 'node:assert';
    const expect = (actual) => ({ toEqual: (expected) => deepStrictEqual(actual, expected) });
  `;
  write('kernel.mjs', expectation + kernel);
  await run(process.execPath, 'kernel.mjs');
  write('wrong.mjs', expectation + kernel.replace("'---(r|)'", "'----(r|)'"));
  await expect(run(process.execPath, 'wrong.mjs')).rejects.toThrow();
}, 90_000);
