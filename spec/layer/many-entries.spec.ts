import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import type { EntriesCost } from '../support/children/entries.js';
import { run } from '../support/run.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

let program: ChildProgram;
beforeAll(() => {
  program = compileChildProgram('entries');
});
afterAll(() => {
  program.remove();
  removeTemporaryFolders();
});

async function cost(count: number): Promise<EntriesCost> {
  const output = await run(process.execPath, program.file, temporaryFolder(), String(count));
  return JSON.parse(output) as EntriesCost;
}

// `npm run bench:entries` does the same with a million.
it('a layer of 100,000 entries is taken in and unpacked in the memory that few take', async () => {
  const few = await cost(2000);
  const many = await cost(100_000);
  expect([few.entries, many.entries]).toEqual([2000, 100_000]);
  // What is kept of each entry while whiteouts may follow: less than a kilobyte.
  expect(many.memory - few.memory).toBeLessThan(100_000_000);
}, 600_000);
