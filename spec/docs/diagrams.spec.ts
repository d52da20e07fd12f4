import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const filesOf = (folder: string): string[] =>
  readdirSync(join(root, folder)).map((file) => `${folder}/${file}`);

interface Row {
  readonly line: string;
  /** Without its name and the words beside it; undefined where a line isn't `name: marbles`. */
  readonly marbles: string | undefined;
}

/** The diagrams of a file's docstrings: the fenced blocks that state no language. */
function diagramsOf(text: string): Row[][] {
  const blocks = text.matchAll(/^ *\* ```\n([\s\S]*?)^ *\* ```$/gm);
  return [...blocks].map(([, block = '']) =>
    block
      .split('\n')
      .map((line) => line.replace(/^ *\* ?/, '').trim())
      .filter((line) => line !== '')
      .map((line) => ({ line, marbles: /^[^:]+: +(\S+(?: \S+)*)/.exec(line)?.[1] })),
  );
}

/** The strings that each test of the kernel's specs holds, by test. */
const tests = [...filesOf('spec/transfer'), 'spec/testing/transfer-marbles.spec.ts'].flatMap(
  (file) =>
    read(file)
      .split(/^ *it\(/m)
      .map((test) => {
        const strings = test.matchAll(/'([^'\n]*)'/g);
        return new Set([...strings].map(([, string = '']) => string.trim()));
      }),
);

const files = [...filesOf('src/transfer'), 'src/testing/transfer-marbles.ts'];
const diagrams = files.flatMap((file) =>
  diagramsOf(read(file)).map((rows) => ({
    rows,
    title: `${file}: ${rows.map(({ line }) => line).join(' / ')}`,
  })),
);

it('the kernel has diagrams', () => {
  expect(diagrams.length).toBeGreaterThan(40);
});

it.each(diagrams)('one test holds every row of $title', ({ rows }) => {
  const marbles = rows.map((row) => row.marbles ?? `no row: ${row.line}`);
  const missing = tests.map((strings) => marbles.filter((row) => !strings.has(row)));
  const closest = missing.reduce((least, one) => (one.length < least.length ? one : least));
  expect(closest).toEqual([]);
});
