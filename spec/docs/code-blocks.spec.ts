import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocksOf, pages, type CodeBlock } from '../support/code-blocks.js';

const root = join(__dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const blocks = pages.flatMap(codeBlocksOf);
const examples = readdirSync(join(root, 'spec/guide/examples'));

/** Which spec runs the blocks that aren't those of files which specs run. */
const runBy: Readonly<Record<string, string>> = {
  'README.md sh': 'spec/docs/commands.spec.ts',
  'README.md text': 'spec/cli/commands.spec.ts',
  'README.md console': 'spec/docs/commands.spec.ts',
  'README.md ts': 'spec/docs/readme.spec.ts',
  'docs/guide/observing.md sh': 'spec/docs/commands.spec.ts',
  'docs/performance.md sh': 'spec/docs/commands.spec.ts',
  'docs/store.md text': 'spec/docs/store-layout.spec.ts',
  'docs/testing.md ts': 'spec/testing/documented.spec.ts',
};

function kindOf({ page, language }: CodeBlock): string {
  return `${page} ${language}`;
}

it('no code block is left out', () => {
  const others = blocks.filter(({ source }) => source === undefined).map(kindOf);
  expect([...new Set(others)].sort()).toEqual(Object.keys(runBy).sort());
  for (const spec of Object.values(runBy))
    expect([spec, existsSync(join(root, spec))]).toEqual([spec, true]);
});

it.each(blocks.filter(({ source }) => source !== undefined))(
  'the code of $source is in $page as the specs run it',
  ({ code, source = '' }) => {
    expect(source).toMatch(/^spec\/guide\/examples\//);
    expect(code).toBe(read(source));
  },
);

it('every example is shown in the guide', () => {
  const shown = blocks.flatMap(({ source }) => source ?? []);
  expect(shown.sort()).toEqual(examples.map((file) => `spec/guide/examples/${file}`).sort());
});
