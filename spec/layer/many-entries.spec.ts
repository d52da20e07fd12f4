import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import type { EntriesCost } from '../support/children/entries.js';
import { run } from '../support/run.js';

const million = 1_000_000;
let program: ChildProgram;
let folder: string;
beforeAll(() => {
  program = compileChildProgram('entries');
});
afterAll(() => program.remove());
beforeEach(() => {
  folder = mkdtempSync(join(roomFor(million) ? '/dev/shm' : tmpdir(), 'rxfer-spec-entries-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function cost(count: number): Promise<EntriesCost> {
  const output = await run(process.execPath, program.file, join(folder, `${count}`), `${count}`);
  return JSON.parse(output) as EntriesCost;
}

it('a layer of a million entries is taken in and unpacked in memory for their names alone', async () => {
  const few = await cost(2000);
  const many = await cost(million);
  expect([few.entries, many.entries]).toEqual([2000, million]);
  // What is kept of each entry while whiteouts may follow: less than a quarter of a kilobyte.
  expect(many.memory - few.memory).toBeLessThan(250_000_000);
}, 1_200_000);

/** In memory, where there is enough of it for so many empty files, and for folders of them twice. */
function roomFor(files: number): boolean {
  if (!existsSync('/dev/shm')) return false;
  const { ffree, bavail, bsize } = statfsSync('/dev/shm');
  return ffree > files * 1.1 && bavail * bsize > files * 1500;
}
