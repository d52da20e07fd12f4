import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { cliEnvironment } from '../support/cli.js';
import { codeBlocksOf } from '../support/code-blocks.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const root = join(__dirname, '../..');
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
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

/** With the images of the README taken from the registry of this spec. */
function there(text: string): string {
  return text.replace('alpine:3.20', `${registry.host}/library/alpine:3.20`);
}

async function run(file: string): Promise<string> {
  const options = { cwd: folder, env: cliEnvironment(folder) };
  const { stdout } = await promisify(execFile)(process.execPath, [file], options);
  return stdout;
}

it('the code of the README runs', async () => {
  const programs = codeBlocksOf('README.md').filter(({ language }) => language === 'ts');
  const [pull = '', kernel = '', ...others] = programs.map(({ code }) => code);
  expect(others).toEqual([]);
  const write = (name: string, code: string): void => {
    const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
    const { outputText } = transpileModule(code, { compilerOptions });
    writeFileSync(join(folder, name), outputText);
  };
  write('pull.mjs', there(pull));
  expect(await run('pull.mjs')).toMatch(/^\d+ of \d+$/m);
  const expectation = `
    import { deepStrictEqual } from 'node:assert';
    const expect = (actual) => ({ toEqual: (expected) => deepStrictEqual(actual, expected) });
  `;
  write('kernel.mjs', expectation + kernel);
  await run('kernel.mjs');
  write('wrong.mjs', expectation + kernel.replace("'---(r|)'", "'----(r|)'"));
  await expect(run('wrong.mjs')).rejects.toThrow();
}, 90_000);
