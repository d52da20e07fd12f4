import { execFileSync } from 'node:child_process';
import * as processes from 'node:child_process';
import { SyncBarrier } from '../../src/layer/sync-barrier.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

jest.mock('node:child_process', () => ({
  ...jest.requireActual<typeof processes>('node:child_process'),
  spawn: jest.fn(jest.requireActual<typeof processes>('node:child_process').spawn),
}));
const spawn = jest.mocked(processes.spawn);

let barrier: SyncBarrier;

beforeEach(() => {
  spawn.mockClear();
  barrier = new SyncBarrier(temporaryFolder());
});
afterEach(() => barrier.rest());
afterAll(removeTemporaryFolders);

it('syncs time after time by one program', async () => {
  for (let pass = 0; pass < 5; pass++) await barrier.pass();
  expect(spawn).toHaveBeenCalledTimes(1);
});

it('has those who ask while a pass is under way share the next one', async () => {
  const lines: string[] = [];
  const first = barrier.pass().then(() => lines.push('first'));
  const others = [2, 3, 4].map(() => barrier.pass());
  expect(new Set(others).size).toBe(1);
  await Promise.all([first, ...others.map((other) => other.then(() => lines.push('other')))]);
  expect(lines).toEqual(['first', 'other', 'other', 'other']);
});

it('does without the program once that has gone, and makes it anew', async () => {
  await barrier.pass();
  kill();
  await barrier.pass();
  await barrier.pass();
  expect(spawn).toHaveBeenCalledTimes(2);
});

it('does without where there is none', async () => {
  spawn.mockImplementationOnce(() =>
    jest.requireActual<typeof processes>('node:child_process').spawn('/nowhere/sh', [], {
      stdio: ['pipe', 'pipe', 'ignore'],
    }),
  );
  await barrier.pass();
  await barrier.pass();
  expect(spawn).toHaveBeenCalledTimes(2);
});

it('leaves no program behind when it rests, and passes again after that', async () => {
  await barrier.pass();
  const { pid } = program();
  const gone = new Promise((resolve) => program().once('close', resolve));
  barrier.rest();
  await gone;
  expect(() => execFileSync('kill', ['-0', String(pid)], { stdio: 'ignore' })).toThrow();
  await barrier.pass();
  expect(spawn).toHaveBeenCalledTimes(2);
});

function program(): processes.ChildProcess {
  return spawn.mock.results[0]!.value as processes.ChildProcess;
}

function kill(): void {
  process.kill(program().pid!, 'SIGKILL');
}
