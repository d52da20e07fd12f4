import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { digestHex } from '../../src/oci/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { cli, type CliOutcome } from '../support/cli.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

// Each starts processes or syncs many files, on machines that have other things to do.
jest.setTimeout(120_000);

let registry: TestRegistry;
let image: SampleImage;
let reference: string;
let store: string;

beforeAll(async () => {
  registry = await startRegistry();
  image = await sampleImage({ layers: [[{ name: 'app', size: 100_000 }]] });
  registry.addImage('app', 'v1', image);
  reference = `${registry.host}/app:v1`;
});
beforeEach(async () => {
  store = temporaryFolder();
  await cli('pull', reference, '--store', store);
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

const run = (...args: string[]): Promise<CliOutcome> => cli(...args, '--store', store);
const jsonOf = ({ stdout }: CliOutcome): unknown => JSON.parse(stdout);

describe('rxfer rmi, df and gc', () => {
  it('remove a name, show what that frees, and free it', async () => {
    expect(await run('rmi', reference)).toMatchObject({ code: 0, stdout: `${reference}\n` });
    expect(jsonOf(await run('df', '--format', 'json'))).toMatchObject({
      images: { count: 0 },
      layers: { count: 1 },
      blobs: { count: 3 },
    });
    expect((await run('df')).stdout).toMatch(/^KIND .*RECLAIMABLE\nimages +0 /);
    const planned = await run('gc', '--dry-run');
    expect(planned.stdout).toContain('1 layer, 3 blobs, 0 partial downloads would be removed');
    expect(planned.stdout).toContain(image.layers[0]!.digest);
    expect(readdirSync(join(store, 'layers', 'sha256'))).toHaveLength(1);
    expect(jsonOf(await run('gc', '--format', 'json'))).toMatchObject({
      mode: 'remove',
      layers: image.diffIDs,
    });
    expect(readdirSync(join(store, 'layers', 'sha256'))).toEqual([]);
  });

  it('say that there is no image of the name', async () => {
    const { code, stderr } = await run('rmi', 'nothing:v1');
    expect(code).toBe(1);
    expect(stderr).toContain('There is no image docker.io/library/nothing:v1 in the store');
  });
});

describe('rxfer verify', () => {
  it('is content with a store that is whole', async () => {
    expect(await run('verify')).toMatchObject({
      code: 0,
      stdout: '3 blobs, 1 layer, 1 image checked; 0 damaged\n',
    });
  });

  it('names what is damaged, and fetches it anew when asked to', async () => {
    const { digest } = image.layers[0]!;
    truncateSync(join(store, 'blobs', 'sha256', digestHex(digest)), 100);
    const found = await run('verify');
    expect(found.code).toBe(1);
    expect(found.stdout).toContain(`blob ${digest}: its bytes have the digest`);
    expect(found.stderr).toContain('rxfer verify --repair');
    const repaired = await run('verify', '--repair');
    expect(repaired).toMatchObject({ code: 0, stderr: '' });
    expect(repaired.stdout).toContain(`repaired ${reference}`);
    expect(await run('verify', '--format', 'json')).toMatchObject({ code: 0 });
  });
});
