import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import type { EntriesCost } from '../support/children/entries.js';
import { run } from '../support/run.js';

/** Enough files to tell what each costs. */
const [most, least] = [400_000, 200_000];
let program: ChildProgram;
let folder: string;
beforeAll(() => {
  program = compileChildProgram('entries');
});
afterAll(() => program.remove());
beforeEach(() => {
  const place = roomInMemory() < least ? tmpdir() : '/dev/shm';
  folder = mkdtempSync(join(place, 'rxfer-spec-entries-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function cost(count: number): Promise<EntriesCost> {
  const output = await run(process.execPath, program.file, join(folder, `${count}`), `${count}`);
  return JSON.parse(output) as EntriesCost;
}

it('a layer of very many entries is taken in and unpacked in memory for their names alone', async () => {
  const count = Math.max(least, Math.min(most, roomInMemory()));
  const few = await cost(2000);
  const many = await cost(count);
  expect([few.entries, many.entries]).toEqual([2000, count]);
  // What is kept of each entry while whiteouts may follow, beside what any process grows by.
  expect(many.memory - few.memory).toBeLessThan(40_000_000 + count * 160);
}, 1_200_000);

/**
 * How many files there is room for in memory, where they cost a tenth of the time. Each link takes
 * an inode of its own there, and other specs run beside this one.
 */
function roomInMemory(): number {
  if (!existsSync('/dev/shm')) return 0;
  const { ffree, bavail, bsize } = statfsSync('/dev/shm');
  return Math.floor(Math.min(ffree / 2.5, (bavail * bsize) / 3000));
}
