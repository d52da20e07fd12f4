import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const guide = readdirSync(join(root, 'docs/guide')).map((file) => join('docs/guide', file));
const examples = readdirSync(join(root, 'spec/guide/examples'));

/** The code blocks of a page, each with the file that the comment above it names. */
function blocksOf(page: string): { code: string; source: string | undefined }[] {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = text.matchAll(/(?:<!-- (\S+) -->\n\n)?^```\w+\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, source, code = '']) => ({ code, source }));
}

describe.each(guide)('the code of %s', (page) => {
  it('is that of examples which the specs run', () => {
    for (const { code, source } of blocksOf(page)) {
      expect(source).toMatch(/^spec\/guide\/examples\//);
      expect(code).toBe(readFileSync(join(root, source ?? ''), 'utf8'));
    }
  });
});

it('every example is shown in the guide', () => {
  const shown = guide.flatMap((page) => blocksOf(page).map(({ source }) => source));
  expect([...shown].sort()).toEqual(examples.map((file) => `spec/guide/examples/${file}`).sort());
});

it('the scripts that the README names are there', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const named = [...readme.matchAll(/\bnpm (?:run )?(\w+)/g)].map(([, name = '']) => name);
  expect(named).toContain('test');
  for (const name of named.filter((each) => !['ci', 'link', 'install'].includes(each))) {
    expect(Object.keys(scripts)).toContain(name);
  }
});
