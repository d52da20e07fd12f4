import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

let registry: TestRegistry;
let program: ChildProgram;

beforeAll(async () => {
  program = compileChildProgram('ending');
  registry = await startRegistry();
  const image = await sampleImage({ layers: [[{ name: 'file', size: 1_000_000 }]] });
  for (const name of ['app', 'slow', 'silent', 'down']) registry.addImage(name, 'v1', image);
  registry.inject({
    match: { path: /\/slow\/blobs/, digest: image.layers[0]!.digest },
    fault: { kind: 'stall', afterBytes: 500_000 },
  });
  registry.inject({
    match: { path: /\/silent\// },
    fault: { kind: 'latency', milliseconds: 600_000 },
  });
  registry.inject({ match: { path: /\/down\// }, fault: { kind: 'status', status: 503 } });
});
afterAll(async () => {
  await registry.close();
  program.remove();
  removeTemporaryFolders();
});

describe('a process that uses the library and closes its client ends by itself', () => {
  it.each([
    ['pulled', 'done'],
    ['pulled and not released', 'done'],
    ['not found', 'ERR_NOT_FOUND'],
    ['cancelled in a layer', 'done'],
    ['cancelled before an answer', 'done'],
    ['cancelled in a wait', 'done'],
    ['closed in a layer', 'ERR_CLIENT_CLOSED'],
    ['copied', 'done'],
    ['pushed on', 'done'],
    ['listed', 'done'],
  ])('%s', async (scenario, outcome) => {
    const folder = temporaryFolder();
    const file = join(folder, 'news');
    const args = [program.file, file, scenario, registry.host, folder];
    // No stream to this process, which would be something that is left.
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(0);
    const news = readFileSync(file, 'utf8').trim().split('\n');
    expect(news.map((line) => JSON.parse(line) as unknown)).toEqual([
      { outcome },
      { left: [] },
      { ended: 'by itself' },
    ]);
  });
});
