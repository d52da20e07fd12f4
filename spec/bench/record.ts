import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { renderInto } from './render.js';
import { readResults, resultsFile, type Results } from './results.js';

/** The page that shows results, from the top of the repository. */
export const page = 'docs/performance.md';

/** Changes the results that are kept, and the page that shows them; in the project's format. */
export async function record(change: (results: Results) => Results): Promise<void> {
  const results = change(readResults(resultsFile));
  const shown = renderInto(readFileSync(page, 'utf8'), results);
  for (const [file, text] of [
    [resultsFile, JSON.stringify(results, undefined, 2)],
    [page, shown],
  ] as const) {
    writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
  }
}
