import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { pages } from '../support/code-blocks.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const root = join(__dirname, '../..');

/** What typedoc's JSON says of a type, as far as this looks at it. */
interface ApiType {
  readonly type: string;
  readonly name?: string;
}

/** What typedoc's JSON says of a symbol, as far as this looks at it. */
interface ApiSymbol {
  readonly name: string;
  readonly variant: string;
  readonly comment?: {
    readonly summary?: readonly { readonly text: string }[];
    readonly blockTags?: readonly { readonly content: readonly { readonly text: string }[] }[];
  };
  readonly type?: ApiType;
  readonly inheritedFrom?: unknown;
  readonly children?: readonly ApiSymbol[];
  readonly signatures?: readonly ApiSymbol[];
}

/** Something that leads to an Observable. */
interface Source {
  readonly name: string;
  readonly kind: 'function' | 'operator' | 'property';
  readonly text: string;
}

let folder: string;
let files: ReadonlyMap<string, string>;
let api: ApiSymbol;

beforeAll(async () => {
  folder = temporaryFolder();
  const typedoc = join(root, 'node_modules/typedoc/bin/typedoc');
  const json = join(temporaryFolder(), 'api.json');
  const options = ['--options', '.config/typedoc.json', '--out', folder, '--json', json];
  // Warnings are errors there: of links that lead nowhere, and of symbols without documentation.
  await promisify(execFile)(process.execPath, [typedoc, ...options], { cwd: root });
  api = JSON.parse(readFileSync(json, 'utf8')) as ApiSymbol;
  const names = readdirSync(folder, { recursive: true }) as string[];
  files = new Map(
    names
      .filter((name) => /\.\w+$/.test(name))
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
}, 300_000);
afterAll(removeTemporaryFolders);

const htmlFiles = (): [string, string][] => [...files].filter(([name]) => name.endsWith('.html'));
const decoded = (text: string): string => decodeURIComponent(text.replaceAll('&amp;', '&'));

it('has every page of the documentation, by its title', () => {
  const titles = htmlFiles()
    .filter(([name]) => name.startsWith('documents/'))
    .map(([, html]) => /<title>(.*?) \| rxfer/.exec(html)?.[1]);
  const headings = pages
    .filter((page) => page !== 'README.md')
    .map((page) => /^# (.+)$/m.exec(readFileSync(join(root, page), 'utf8'))?.[1]);
  expect(titles.sort()).toEqual(headings.sort());
  expect(files.get('index.html')?.includes('id="the-command-line"')).toBe(true);
});

it('has every entry of the package, by its name', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>;
  };
  const entries = Object.keys(exports)
    .filter((entry) => entry !== './package.json')
    .map((entry) => entry.replace(/^\./, 'rxfer'));
  const modules = (api.children ?? []).filter(({ variant }) => variant === 'declaration');
  expect(modules.map(({ name }) => name).sort()).toEqual(entries.sort());
});

it('has no link that leads nowhere', () => {
  const wrong: string[] = [];
  let count = 0;
  for (const [name, html] of htmlFiles()) {
    for (const [, link = ''] of html.matchAll(/ (?:href|src)="([^"]*)"/g)) {
      if (link.startsWith('https://') || link === '#') continue;
      count++;
      const [path = '', anchor] = decoded(link).split('#');
      const target = path === '' ? name : normalize(join(dirname(name), path));
      const there = files.get(target);
      const isThere =
        there !== undefined && (anchor === undefined || there.includes(` id="${anchor}"`));
      if (!isThere) wrong.push(`${name}: ${link}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(count).toBeGreaterThan(1000);
});

describe('what leads to an Observable', () => {
  const textOf = ({ comment }: ApiSymbol): string =>
    [...(comment?.summary ?? []), ...(comment?.blockTags ?? []).flatMap(({ content }) => content)]
      .map(({ text }) => text)
      .join('');

  function kindOf({ type }: ApiSymbol): Source['kind'] | undefined {
    if (type?.type !== 'reference') return undefined;
    if (/^(?:MonoType)?OperatorFunction$/.test(type.name ?? '')) return 'operator';
    return type.name === 'Observable' ? 'function' : undefined;
  }

  function sourcesIn(symbol: ApiSymbol, path: string): Source[] {
    if (symbol.inheritedFrom !== undefined) return [];
    const name = `${path}${symbol.name}`;
    const called = (symbol.signatures ?? []).flatMap((signature): Source[] => {
      const kind = kindOf(signature);
      return kind === undefined ? [] : [{ name, kind, text: textOf(signature) }];
    });
    const own: Source[] =
      kindOf(symbol) === undefined ? [] : [{ name, kind: 'property', text: textOf(symbol) }];
    const inside = (symbol.children ?? []).flatMap((child) => sourcesIn(child, `${name}.`));
    return [...called, ...own, ...inside];
  }

  /** What each kind is to say: how it ends, how it fails, and what a subscription is to it. */
  const demands: Readonly<Record<Source['kind'], readonly RegExp[]>> = {
    function: [/complet/i, /error/i, /cold|hot|subscri/i],
    operator: [/complet/i, /error/i],
    property: [/complet|^[^.]+; as /i, /error|^[^.]+; as /i],
  };

  it('says when it completes, how it errors, and whether it is cold', () => {
    const sources = (api.children ?? []).flatMap((each) => sourcesIn(each, ''));
    expect(sources.length).toBeGreaterThan(30);
    const silent = sources.filter(
      ({ kind, text }) => !demands[kind].every((demand) => demand.test(text)),
    );
    expect(silent).toEqual([]);
  });
});
