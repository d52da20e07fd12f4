import { execFile } from 'node:child_process';
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cliFile } from '../support/cli.js';
import { writeRawImage } from '../support/raw-image.js';
import { rawTar } from '../support/raw-tar.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

/** Debian's and most others' `nobody`. */
const nobody = { uid: 65534, gid: 65534 };

const layer = rawTar([
  { name: 'etc/', mode: 0o755 },
  { name: 'etc/shadow', data: 'secret', mode: 0o640, uid: 0, gid: 42 },
  { name: 'bin/su', data: 'su', mode: 0o4755, uid: 0 },
  { name: 'dev/null', flag: '3', device: [1, 3], mode: 0o666 },
  { name: 'dev/loop', flag: '4', device: [7, 0] },
  { name: 'dev/pipe', flag: '6', mode: 0o620 },
]);

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

  async function asNobody(...args: string[]): Promise<{ stdout: string; stderr: string }> {
    const home = join(folder, 'home');
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, DOCKER_CONFIG: home };
    const program = join(folder, 'rxfer/dist/cli/bin/main.js');
    return promisify(execFile)(process.execPath, [program, ...args], { ...nobody, cwd: home, env });
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
});
