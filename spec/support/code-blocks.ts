import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** A fenced block of a page. */
export interface CodeBlock {
  readonly page: string;
  readonly language: string;
  readonly code: string;
  /** The file that the comment above it names. */
  readonly source: string | undefined;
}

/** The pages that people read, by their paths in the repository. */
export const pages: readonly string[] = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...(readdirSync(join(root, 'docs'), { recursive: true }) as string[])
    .filter((file) => file.endsWith('.md') && !file.startsWith('api/'))
    .map((file) => join('docs', file)),
];

/** The fenced blocks of a page, indented ones as well. */
export function codeBlocksOf(page: string): CodeBlock[] {
  const text = readFileSync(join(root, page), 'utf8');
  const fences = text.matchAll(/(?:<!-- (\S+) -->\n\n)?^ *```(\S*)\n([\s\S]*?)^ *```$/gm);
  return [...fences].map(([, source, language = '', code = '']) => ({
    page,
    language,
    code,
    source,
  }));
}
