import { execFile } from 'node:child_process';
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cliFile } from '../support/cli.js';
import { describeWithPeers } from '../support/peers.js';
import { writeRawImage } from '../support/raw-image.js';
import { rawTar, type RawEntry } from '../support/raw-tar.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { describeWholeTree } from '../support/tree.js';

/** Debian's and most others' `nobody`. */
const nobody = { uid: 65534, gid: 65534 };

/** What owners, modes and attributes a plain user can and can't give. */
const modes: RawEntry[] = [
  { name: 'bin/', mode: 0o755 },
  { name: 'bin/su', data: 'su', mode: 0o4755, uid: 0 },
  { name: 'bin/wall', data: 'wall', mode: 0o2755, gid: 5 },
  { name: 'tmp/', mode: 0o1777 },
  { name: 'mail/', mode: 0o2775, gid: 8 },
  { name: 'mail/box', data: 'x' },
  { name: 'hard', flag: '1', linkname: 'bin/su' },
  { name: 'link', flag: '2', linkname: 'bin', uid: 4 },
  { name: 'pipe', flag: '6', mode: 0o620 },
  { name: 'attributes', pax: { 'SCHILY.xattr.user.a': 'b', 'SCHILY.xattr.trusted.c': 'd' } },
];

/** Two layers, of which the lower has modes that keep its owner out of what the upper changes. */
const closed: RawEntry[][] = [
  [
    { name: './', mode: 0o555 },
    { name: 'read-only/', mode: 0o555 },
    { name: 'read-only/gone', data: 'x', mode: 0o444 },
    { name: 'read-only/folder/', mode: 0o555 },
    { name: 'read-only/folder/file', data: 'x' },
    { name: 'locked/', mode: 0 },
    { name: 'locked/file', data: 'x', mode: 0 },
    { name: 'locked/inner/', mode: 0 },
    { name: 'again/', mode: 0 },
    { name: 'again/inner/', mode: 0 },
    { name: 'gone/', mode: 0 },
    { name: 'gone/file', data: 'x', mode: 0 },
    { name: 'opaque/', mode: 0o555 },
    { name: 'opaque/gone/', mode: 0 },
    { name: 'opaque/gone/file', data: 'x' },
    { name: 'shadow', data: 'x', mode: 0 },
  ],
  [
    { name: 'read-only/new', data: 'y' },
    { name: 'read-only/.wh.gone' },
    { name: 'read-only/folder', data: 'a file' },
    { name: 'locked/new', data: 'y' },
    { name: 'locked/inner/new', data: 'y' },
    { name: 'locked/hard', flag: '1', linkname: 'locked/file' },
    { name: 'again/', mode: 0o500 },
    { name: 'again/inner/new', data: 'y' },
    { name: '.wh.gone' },
    { name: 'opaque/.wh..wh..opq' },
    { name: 'shadow', data: 'y', mode: 0 },
  ],
];

const layer = rawTar([
  { name: 'etc/', mode: 0o755 },
  { name: 'etc/shadow', data: 'secret', mode: 0o640, uid: 0, gid: 42 },
  { name: 'bin/su', data: 'su', mode: 0o4755, uid: 0 },
  { name: 'dev/null', flag: '3', device: [1, 3], mode: 0o666 },
  { name: 'dev/loop', flag: '4', device: [7, 0] },
  { name: 'dev/pipe', flag: '6', mode: 0o620 },
]);

/** Without what umoci notes of owners that it couldn't give. */
function withoutNotes(tree: readonly string[]): string[] {
  return tree
    .map((line) => line.replace(/ user\.rootlesscontainers=\S+/, ''))
    .filter((line) => !/^# file: \S+$/.test(line));
}

// Who runs the specs as a plain user has them all run as one.
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('a plain user', () => {
  let folder: string;

  beforeAll(() => {
    folder = temporaryFolder();
    chmodSync(folder, 0o755);
    writeRawImage(join(folder, 'image'), [layer]);
    // The bundle needs nothing beside it but package.json; where the project lies, others may not look.
    cpSync(dirname(cliFile), join(folder, 'rxfer/dist/cli/bin'), { recursive: true });
    cpSync(join(__dirname, '../../package.json'), join(folder, 'rxfer/package.json'));
    mkdirSync(join(folder, 'home'));
    chownSync(join(folder, 'home'), nobody.uid, nobody.gid);
  });
  afterAll(removeTemporaryFolders);

  function asNobody(...args: string[]): Promise<{ stdout: string; stderr: string }> {
    return runAsNobody(process.execPath, join(folder, 'rxfer/dist/cli/bin/main.js'), ...args);
  }

  function runAsNobody(
    program: string,
    ...args: string[]
  ): Promise<{ stdout: string; stderr: string }> {
    const home = join(folder, 'home');
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, DOCKER_CONFIG: home };
    return promisify(execFile)(program, args, { ...nobody, cwd: home, env });
  }

  it('unpacks what it may, and is told what it may not', async () => {
    await asNobody('copy', `oci:${join(folder, 'image')}:v1`, 'store:app:v1', '--store', 'store');
    const { stdout } = await asNobody(
      ...['unpack', 'app:v1', 'root', '--store', 'store', '--format', 'json'],
    );
    const { omissions } = JSON.parse(stdout) as { omissions: string[] };
    expect([...omissions].sort()).toEqual(['device', 'owner']);
    const root = join(folder, 'home/root');
    expect(readdirSync(join(root, 'dev'))).toEqual(['pipe']);
    const su = lstatSync(join(root, 'bin/su'));
    expect([su.uid, su.mode & 0o7777]).toEqual([nobody.uid, 0o4755]);
    expect(lstatSync(join(root, 'dev/pipe')).isFIFO()).toBe(true);
  }, 60_000);

  describeWithPeers(['umoci', 'setfattr', 'getfattr'], 'unpacks what umoci does', () => {
    it.each<[string, RawEntry[][], string[]]>([
      ['modes, set-user-ID kept, and attributes', [modes], ['owner', 'xattr trusted.c']],
      ['what modes keep its owner out of', closed, ['owner']],
    ])(
      '%s',
      async (name, layers, expected) => {
        const id = name.slice(0, 5);
        const image = join(folder, `image ${id}`);
        writeRawImage(
          image,
          layers.map((entries) => rawTar(entries)),
        );
        const bundle = join(folder, 'home', `bundle ${id}`);
        await runAsNobody('umoci', 'unpack', '--rootless', '--image', `${image}:v1`, bundle);
        const store = ['--store', `store ${id}`];
        await asNobody('copy', `oci:${image}:v1`, 'store:app:v1', ...store);
        for (const options of [[], ['--link', 'reflink']]) {
          const root = `root ${id} ${options.length}`;
          const { stdout } = await asNobody(
            ...['unpack', 'app:v1', root, ...options, ...store, '--format', 'json'],
          );
          expect(JSON.parse(stdout)).toMatchObject({ omissions: expected });
          const [theirs, ours] = [join(bundle, 'rootfs'), join(folder, 'home', root)];
          expect(withoutNotes(describeWholeTree(ours))).toEqual(
            withoutNotes(describeWholeTree(theirs)),
          );
        }
        // The rest works as well with what the modes forbid to read.
        expect((await asNobody('verify', ...store)).stdout).toContain('0 damaged');
        await asNobody('df', ...store);
        await asNobody('rmi', 'app:v1', ...store);
        await asNobody('gc', ...store);
        const { stdout } = await asNobody('verify', ...store);
        expect(stdout).toContain('0 blobs, 0 layers, 0 images');
        expect(readdirSync(join(folder, 'home', `store ${id}`, 'trash'))).toEqual([]);
      },
      120_000,
    );
  });
});
