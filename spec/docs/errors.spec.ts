import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

describe('docs/errors.md', () => {
  const inCode = (readdirSync(join(root, 'src'), { recursive: true }) as string[])
    .filter((file) => file.endsWith('.ts'))
    .flatMap(
      (file) =>
        readFileSync(join(root, 'src', file), 'utf8').match(/(?<=')ERR_[A-Z_]+(?=')/g) ?? [],
    );
  const rows = readFileSync(join(root, 'docs/errors.md'), 'utf8')
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, code]) => code?.startsWith('`ERR_') === true);

  it('has every code that the sources have, once, and no other', () => {
    const codes = rows.map(([, code]) => code?.replaceAll('`', ''));
    expect([...codes].sort()).toEqual([...new Set(inCode)].sort());
  });

  it('says of each what it means and what to do', () => {
    for (const [, , meaning, remedy] of rows) {
      expect(meaning).not.toBe('');
      expect(remedy).not.toBe('');
    }
  });
});
