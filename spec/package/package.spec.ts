import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { cliEnvironment } from '../support/cli.js';
import { codeBlocksOf } from '../support/code-blocks.js';
import {
  checkEngines,
  installPackage,
  lendPackages,
  packPackage,
  type PackedPackage,
} from '../support/installed-package.js';
import { describeOnOtherNodes } from '../support/other-nodes.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const root = join(__dirname, '../..');
let folder: string;
let packed: PackedPackage;

beforeAll(async () => {
  folder = temporaryFolder();
  packed = await packPackage(folder);
  await installPackage(folder, packed);
  lendPackages(folder, '@types/react', '@opentelemetry/api', '@opentelemetry/sdk-trace-base');
  await compileUses();
  await compileGuide();
}, 360_000);
afterAll(removeTemporaryFolders);

/** Type-checks a use of the package in each way to resolve it, and compiles it to both forms. */
async function compileUses(): Promise<void> {
  for (const name of ['pull.ts', 'pull.mts', 'pull.cts']) {
    copyFileSync(join(__dirname, 'uses/pull.ts'), join(folder, name));
  }
  const options = { target: 'ES2022', lib: ['ES2023'], types: ['node'], strict: true };
  // The types of what we depend on would take a minute.
  const compilerOptions = { ...options, skipLibCheck: true };
  const node16 = { ...compilerOptions, module: 'node16', moduleResolution: 'node16' };
  const bundler = { ...compilerOptions, module: 'esnext', moduleResolution: 'bundler' };
  await compile('node16', { compilerOptions: node16, files: ['pull.mts', 'pull.cts'] });
  await compile('bundler', { compilerOptions: { ...bundler, noEmit: true }, files: ['pull.ts'] });
}

/** The same with the code of the README and of the guide, copied by somebody who reads it. */
async function compileGuide(): Promise<void> {
  const guide = join(folder, 'guide');
  const examples = join(guide, 'guide/examples');
  const source = join(root, 'spec/guide/examples');
  cpSync(source, examples, {
    recursive: true,
    filter: (file) => !/\.(?:html|spec\.ts)$/.test(file),
  });
  mkdirSync(join(guide, 'package/uses'), { recursive: true });
  copyFileSync(join(__dirname, 'uses/guide.ts'), join(guide, 'package/uses/guide.ts'));
  const blocks = codeBlocksOf('README.md').filter(({ language }) => language === 'ts');
  for (const [index, { code }] of blocks.entries()) {
    writeFileSync(join(guide, `readme-${index}.ts`), code);
  }
  const framework =
    'declare const expect: (actual: unknown) => { toEqual(other: unknown): void };\n';
  writeFileSync(join(guide, 'framework.d.ts'), framework);
  writeFileSync(join(guide, 'package.json'), '{ "type": "module" }');
  const options = { target: 'ES2022', lib: ['ES2023', 'DOM'], types: ['node'], skipLibCheck: true };
  const strict = { strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true };
  const include = ['guide'];
  const compilerOptions = { ...options, ...strict };
  const bundler = { module: 'esnext', moduleResolution: 'bundler', noEmit: true };
  await compile('guide-bundler', { compilerOptions: { ...compilerOptions, ...bundler }, include });
  const node16 = { module: 'node16', moduleResolution: 'node16' };
  await compile('guide-node16', { compilerOptions: { ...compilerOptions, ...node16 }, include });
}

async function compile(name: string, config: object): Promise<void> {
  const file = join(folder, `tsconfig.${name}.json`);
  writeFileSync(file, JSON.stringify(config));
  await run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '--project', file);
}

async function run(command: string, ...args: string[]): Promise<string> {
  const env = cliEnvironment(temporaryFolder());
  return promisify(execFile)(command, args, { cwd: folder, env }).then(
    ({ stdout }) => stdout,
    (error: unknown) => {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
    },
  );
}

describe('the tarball', () => {
  const sources = (readdirSync(join(root, 'src'), { recursive: true }) as string[])
    .filter((file) => file.endsWith('.ts') && !file.startsWith('engine/page/'))
    .map((file) => file.replace(/\.ts$/, ''));

  const library = sources.filter((name) => !name.startsWith('cli/'));

  it('holds what is built of each source, documents, the manual, and nothing else', () => {
    const built = (form: string, names: readonly string[]): string[] =>
      names.flatMap((name) =>
        ['.js', '.js.map', '.d.ts'].map((end) => `dist/${form}/${name}${end}`),
      );
    const expected = [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'package.json',
      'dist/rxfer.1',
      'dist/cjs/package.json',
      'dist/dashboard/assets/index.css',
      'dist/dashboard/assets/index.js',
      'dist/dashboard/index.html',
      'dist/cli/bin/main.js',
      'dist/cli/bin/package.json',
      ...built('esm', library),
      ...built('cjs', library),
      // What the source maps of both lead to.
      ...library.map((name) => `src/${name}.ts`),
    ];
    const paths = packed.files.map(({ path }) => path);
    // What the bundle of the command line loads lazily: named as Vite likes, and its own business.
    const chunk = /^dist\/cli\/bin\/[\w-]+-[\w-]{8}\.js$/;
    expect(paths.filter((path) => !chunk.test(path)).sort()).toEqual(expected.sort());
    expect(paths.filter((path) => chunk.test(path)).length).toBeLessThan(100);
  });

  it('is small, and has neither secrets nor paths of the machine that built it', () => {
    expect(packed.size).toBeLessThan(1_450_000);
    expect(packed.unpackedSize).toBeLessThan(8_000_000);
    for (const { path } of packed.files) {
      const content = readFileSync(join(folder, 'node_modules/rxfer', path), 'utf8');
      expect([path, content.includes(root)]).toEqual([path, false]);
    }
  });
});

describe('on this Node', () => works(process.execPath));
describeOnOtherNodes(works);

function works(node: string): void {
  it('npm warns of no package', () => checkEngines(folder, node), 60_000);

  it.each(['pull.mjs', 'pull.cjs'])(
    '%s uses each entry',
    async (file) => {
      expect(await run(node, file)).toBe('pulled\n');
    },
    90_000,
  );

  it('recipes of the guide run', async () => {
    expect(await run(node, 'guide/package/uses/guide.js')).toBe('guided\n');
  }, 90_000);

  describe('the command line', () => {
    let registry: TestRegistry;

    beforeAll(async () => (registry = await startRegistry()));
    afterAll(() => registry.close());

    it('pulls, lists and verifies', async () => {
      const image = await sampleImage({ layers: [[{ name: 'a', size: 1000 }], [{ name: 'b' }]] });
      registry.addImage('app', 'v1', image);
      const reference = `${registry.host}/app:v1`;
      const store = temporaryFolder();
      const bin = join(folder, 'node_modules/.bin/rxfer');
      const rxfer = (command: string, ...args: string[]): Promise<string> =>
        run(node, bin, command, '--store', store, ...args);
      expect(await run(node, bin, '--version')).toBe(`${manifest().version}\n`);
      expect(await rxfer('pull', reference)).toContain('2 layers pulled');
      expect(await rxfer('images')).toContain(reference);
      expect(await rxfer('verify')).toContain('0 damaged');
    }, 120_000);
  });
}

function manifest(): { version: string } {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
}
