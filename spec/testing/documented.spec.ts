import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import * as testing from '../../src/testing/index.js';
import * as transfer from '../../src/transfer/index.js';

const root = join(__dirname, '..', '..');

/** The programs in a document's fences, with the heading that each stands under. */
function programs(document: string): { heading: string; source: string }[] {
  const text = readFileSync(join(root, document), 'utf8');
  return text.split(/^#+ /m).flatMap((section) => {
    const [heading = ''] = section.split('\n');
    const fences = section.matchAll(/^```ts\n(.*?)^```/gms);
    return Array.from(fences, ([, source = '']) => ({ heading, source }));
  });
}

/** Runs a program as a reader would, with the packages that it imports. */
function run(source: string): void {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const packages: Record<string, unknown> = {
    'rxfer/testing': testing,
    'rxfer/transfer': transfer,
    rxjs: jest.requireActual('rxjs'),
    'rxjs/testing': jest.requireActual('rxjs/testing'),
  };
  const load = (name: string): unknown => packages[name];
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- our own documents
  const program = new Function('exports', 'require', 'expect', outputText) as (
    ...globals: unknown[]
  ) => void;
  program({}, load, expect);
}

describe('docs/testing.md', () => {
  const examples = programs('docs/testing.md');

  it('has three examples', () => {
    expect(examples).toHaveLength(3);
  });

  it.each(examples)('$heading: what it says is so', ({ source }) => {
    run(source);
  });

  it.each(examples)('$heading: another order of starts would be noticed', ({ source }) => {
    const wrong = source.replace(/(expectStarts\(\)\.toBe\(')/, '$1z');
    expect(wrong).not.toBe(source);
    expect(() => run(wrong)).toThrow(testing.MarbleMismatchError);
  });
});

describe('README.md', () => {
  const [example] = programs('README.md').filter(({ source }) => source.includes('TestScheduler'));

  it('shows the kernel in virtual time as it is', () => {
    expect.assertions(2);
    run(example!.source);
  });
});
