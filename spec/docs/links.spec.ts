import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pages } from '../support/code-blocks.js';

const root = join(__dirname, '../..');

/** What a heading is linked to by, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

function anchorsOf(file: string): string[] {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) => anchorOf(heading));
}

describe.each(pages)('the links of %s', (page) => {
  const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);

  it('lead somewhere in this repository, or over https', () => {
    for (const link of links) {
      if (/^[a-z]+:/.test(link)) {
        expect(link).toMatch(/^https:\/\//);
        continue;
      }
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? join(root, page) : join(root, dirname(page), path);
      expect([relative(root, file), existsSync(file)]).toEqual([relative(root, file), true]);
      if (anchor !== undefined) expect(anchorsOf(file)).toContain(anchor);
    }
  });
});

it('every page of the documentation is linked to from another', () => {
  const all = pages.map((page) => [page, readFileSync(join(root, page), 'utf8')] as const);
  for (const page of pages.filter((each) => each.startsWith('docs/'))) {
    const name = page.split('/').at(-1) ?? page;
    const linking = all.filter(([other, text]) => other !== page && text.includes(`${name})`));
    expect([page, linking.length > 0]).toEqual([page, true]);
  }
});
