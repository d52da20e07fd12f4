import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';

const root = join(__dirname, '../..');
const read = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));

interface Entry {
  readonly import: { readonly types: string };
}

/** By entry of the package, the file in `src` that it is built from. */
function entryFiles(): Map<string, string> {
  const { exports } = read('package.json') as { readonly exports: Record<string, Entry | string> };
  const files = new Map<string, string>();
  for (const [entry, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue;
    const file = target.import.types.replace('./dist/esm/', 'src/').replace(/\.d\.ts$/, '.ts');
    files.set(entry, join(root, file));
  }
  return files;
}

/** What users may import from each entry; types by the word ahead of their name. */
function exportedNames(): Record<string, string[]> {
  const files = entryFiles();
  const { options } = ts.convertCompilerOptionsFromJson(
    { module: 'nodenext', target: 'es2022', types: ['node'], noEmit: true },
    root,
  );
  const program = ts.createProgram([...files.values()], options);
  const checker = program.getTypeChecker();
  const namesOf = (file: string): string[] => {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${file} is no module`);
    return checker.getExportsOfModule(module).map((symbol) => {
      const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
      const { flags } = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
      return (flags & ts.SymbolFlags.Value) === 0 ? `type ${symbol.name}` : symbol.name;
    });
  };
  const sorted = (names: string[]): string[] => names.sort((a, b) => (a < b ? -1 : 1));
  return Object.fromEntries([...files].map(([entry, file]) => [entry, sorted(namesOf(file))]));
}

// Whoever adds a name decides that users may build on it, and lists it.
it('exports the names that are listed, from each entry, and no other', () => {
  expect(exportedNames()).toEqual(read('spec/package/exported-names.json'));
}, 60_000);
