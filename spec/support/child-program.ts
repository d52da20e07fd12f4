import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import * as ts from 'typescript';

const root = join(__dirname, '..', '..');

/** A program of `spec/support/children` as JavaScript, ready to be run by Node. */
export interface ChildProgram {
  readonly file: string;
  remove(): void;
}

/** Turns a child program and the sources into JavaScript, so that starting it costs little. */
export function compileChildProgram(name: string): ChildProgram {
  // Within the project, where its dependencies are found.
  const folder = join(root, 'node_modules', '.cache', `rxfer-spec-${process.pid}-${name}`);
  const programs = join('spec', 'support', 'children');
  const program = join(programs, `${name}.ts`);
  for (const source of [...sourcesIn('src'), ...sourcesIn(programs)]) {
    const { outputText } = ts.transpileModule(readFileSync(join(root, source), 'utf8'), {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    });
    const file = join(folder, source.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, outputText);
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
  return {
    file: join(folder, program.replace(/\.ts$/, '.js')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith(join('src', 'cli')));
}
