import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  applyLayer,
  openDiskStore,
  type AppliedLayer,
  type ApplyLayerOptions,
  type Descriptor,
  type Store,
} from '../../src/index.js';
import { digestOf } from '../../src/oci/index.js';
import { CollectedLogs } from '../support/collected-logs.js';
import { describeWithPeers, findOnPath } from '../support/peers.js';
import { rawTar, streamOf, type RawEntry } from '../support/raw-tar.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const path = process.env['PATH'];
/** Files with the process ids of programs that never end by themselves. */
const standIns: string[] = [];
let root: string;
beforeEach(() => {
  root = join(temporaryFolder(), 'root');
  mkdirSync(root);
});
afterEach(() => {
  process.env['PATH'] = path;
  // One that was not ended as it should be would keep its pipes, and so this process, open.
  for (const begun of standIns.splice(0)) {
    const pid = existsSync(begun) ? readFileSync(begun, 'utf8').trim() : '';
    if (pid !== '' && isRunning(pid)) process.kill(Number(pid), 'SIGKILL');
  }
});
afterAll(removeTemporaryFolders);

const xattr = (name: string, value: string): Record<string, string> => ({
  [`SCHILY.xattr.${name}`]: value,
});
/** Larger than Linux takes. */
const tooLarge = 'x'.repeat(65_537);

function unpack(
  entries: readonly RawEntry[],
  options: Partial<ApplyLayerOptions> = {},
): Promise<AppliedLayer> {
  return applyLayer(streamOf(rawTar(entries)), root, { whiteouts: 'apply', ...options });
}

/** Leaves these programs alone on the path. */
function onlyHave(...programs: readonly string[]): string {
  const folder = temporaryFolder();
  for (const program of programs) symlinkSync(findOnPath(program) ?? '', join(folder, program));
  process.env['PATH'] = folder;
  return folder;
}

/** Puts a program in place of another that says that it has begun, and never ends. */
function neverEnding(program: string, ...others: readonly string[]): string {
  const begun = join(temporaryFolder(), 'begun');
  const file = join(onlyHave('sleep', ...others), program);
  writeFileSync(
    file,
    `#!/bin/sh\necho $$ > ${begun}.new\n/bin/mv ${begun}.new ${begun}\nexec sleep 1000\n`,
  );
  chmodSync(file, 0o755);
  standIns.push(begun);
  return begun;
}

/** Aborts when the program has begun; resolves when no process of it is left. */
async function cancelled(
  begun: string,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const stop = new AbortController();
  const outcome = work(stop.signal).then(
    () => 'done',
    (error: unknown) => error,
  );
  await until(() => existsSync(begun));
  const reason = new Error('enough');
  stop.abort(reason);
  expect(await outcome).toBe(reason);
  const pid = readFileSync(begun, 'utf8').trim();
  await until(() => !isRunning(pid));
}

function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describeWithPeers(['setfattr', 'getfattr'], 'extended attributes', () => {
  it('that could not replace the values from before are named as omissions', async () => {
    await unpack([
      { name: 'folder/', pax: xattr('user.a', 'old') },
      { name: 'odd\n\\=/', pax: xattr('user.b', 'old') },
    ]);
    const { omissions } = await unpack([
      { name: 'folder/', pax: { ...xattr('user.a', tooLarge), ...xattr('user.c', 'new') } },
      { name: 'odd\n\\=/', pax: xattr('user.b', tooLarge) },
      { name: 'other', pax: xattr('user.d', 'new') },
    ]);
    expect(omissions).toEqual(['xattr user.a', 'xattr user.b']);
    const values = execFileSync('getfattr', ['-d', '--', 'folder'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(values).toContain('user.c="new"');
  });

  describe('where there is', () => {
    const folder = { name: 'folder/', pax: xattr('user.a', '1') };
    const byProgram = {
      setfattr: ['xattr user.a', 'xattrs for want of setfattr (apt-get install attr)'],
      getfattr: ['xattrs for want of getfattr (apt-get install attr)'],
      xargs: ['xattrs for want of xargs (apt-get install findutils)'],
    };
    for (const [missing, told] of Object.entries(byProgram)) {
      it(`no ${missing}, it is told with how to install it`, async () => {
        await unpack([folder]);
        onlyHave(...Object.keys(byProgram).filter((program) => program !== missing));
        expect((await unpack([{ ...folder, pax: xattr('user.a', '2') }])).omissions).toEqual(told);
        // Nothing is wanted of it here.
        expect((await unpack([{ name: 'file' }])).omissions).toEqual([]);
      });
    }

    it('no program at all, each that is needed is told', async () => {
      onlyHave();
      const { omissions } = await unpack([folder]);
      expect(omissions).toEqual([
        'xattr user.a',
        'xattrs for want of setfattr (apt-get install attr)',
        'xattrs for want of xargs (apt-get install findutils)',
      ]);
    });
  });

  it('are no longer set when the unpacking is cancelled', async () => {
    const begun = neverEnding('setfattr', 'getfattr', 'xargs');
    await cancelled(begun, (signal) =>
      unpack([{ name: 'f', pax: xattr('user.a', '1') }], { signal }),
    );
  });

  it('are no longer looked up when the unpacking is cancelled', async () => {
    await unpack([{ name: 'folder/' }]);
    const begun = neverEnding('getfattr', 'setfattr', 'xargs');
    await cancelled(begun, (signal) => unpack([{ name: 'folder/' }], { signal }));
  });

  describe('of a store', () => {
    const tar = rawTar([{ name: 'f', pax: xattr('user.a', '1') }]);
    const blob: Descriptor = {
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: digestOf(tar),
      size: tar.length,
    };

    async function takeIn(store: Store, signal: AbortSignal): Promise<void> {
      const ingest = await store.layers.ingest(blob, signal);
      try {
        await ingest.append(streamOf(tar), { signal });
        const staged = await ingest.complete(signal);
        (await store.layers.register(staged, undefined)).release();
        await staged.discard();
      } finally {
        await ingest.close();
      }
    }

    it('are no longer set when it is told to take in nothing more', async () => {
      const begun = neverEnding('setfattr', 'getfattr', 'xargs');
      const store = await openDiskStore(root);
      await cancelled(begun, (signal) => takeIn(store, signal));
    });

    it('are missed without the programs, which a pull and a verification tell', async () => {
      const logs = new CollectedLogs();
      const store = await openDiskStore(root, { logger: logs.logger });
      const { signal } = new AbortController();
      expect((await store.verify()).omissions).toEqual([]);
      onlyHave('sync');
      await takeIn(store, signal);
      expect(logs.lines).toEqual([
        {
          level: 'info',
          message: 'not restored in full',
          digest: blob.digest,
          omissions:
            'xattr user.a, xattrs for want of setfattr (apt-get install attr), ' +
            'xattrs for want of xargs (apt-get install findutils)',
        },
      ]);
      expect(await store.verify()).toMatchObject({
        damages: [],
        omissions: ['xattrs for want of getfattr (apt-get install attr)'],
      });
      process.env['PATH'] = path;
      expect(await store.verify()).toMatchObject({ damages: [], omissions: [] });
    });
  });
});
