import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chainIDsOf, digestOf } from '../../src/oci/index.js';
import {
  sampleImage,
  startRegistry,
  type InjectedFault,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { cli } from '../support/cli.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

let registry: TestRegistry;
let image: SampleImage;
let other: SampleImage;
const base = [{ name: 'etc/' }, { name: 'etc/os', content: 'sample' }];

beforeAll(async () => {
  registry = await startRegistry();
  image = await sampleImage({ layers: [base, [{ name: 'app', size: 100_000 }]] });
  other = await sampleImage({ layers: [base, [{ name: 'tool', size: 50_000 }]] });
  registry.addImage('app', 'v1', image);
  registry.addImage('tool', 'v2', other);
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

const sizeOf = (of: SampleImage): number => of.layers.reduce((sum, { size }) => sum + size, 0);

function jsonOf({ reference, of, status }: { reference: string; of: SampleImage; status: string }) {
  const chainIDs = chainIDsOf(of.diffIDs);
  return {
    reference,
    digest: of.descriptor.digest,
    platform: 'linux/amd64',
    config: expect.stringMatching(/^sha256:/) as string,
    layers: of.layers.map(({ digest, size }, index) => ({
      digest,
      diffID: of.diffIDs[index],
      chainID: chainIDs[index],
      size,
      status,
    })),
    bytes: status === 'pulled' ? sizeOf(of) : 0,
    seconds: expect.any(Number) as number,
  };
}

/** An image whose publisher has packed something else than an archive. */
async function tornImage(): Promise<SampleImage> {
  const { manifests, blobs, ...rest } = await sampleImage({ layers: [[{ name: 'torn' }]] });
  const [manifest] = manifests.values();
  const blob = gzipSync(Buffer.alloc(2000, 'no archive'));
  const layer = { ...rest.layers[0]!, digest: digestOf(blob), size: blob.length };
  const json = JSON.parse(manifest!.bytes.toString()) as object;
  const bytes = Buffer.from(JSON.stringify({ ...json, layers: [layer] }));
  const descriptor = { ...rest.descriptor, digest: digestOf(bytes), size: bytes.length };
  return {
    ...rest,
    descriptor,
    layers: [layer],
    manifests: new Map([[descriptor.digest, { ...manifest!, bytes }]]),
    blobs: new Map([...blobs, [layer.digest, blob]]),
  };
}

describe('rxfer pull', () => {
  it('prints the result alone to stdout, and a line per phase to a stderr that is no terminal', async () => {
    const reference = `${registry.host}/app:v1`;
    const { code, stdout, stderr } = await cli('pull', reference, '--store', temporaryFolder());
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        `^${reference}\n${image.descriptor.digest}\n2 layers pulled, 0 there before, .* in \\d+\\.\\d s\n$`,
      ),
    );
    const lines = stderr.trimEnd().split('\n');
    expect(lines[0]).toBe(`${reference}: ${image.descriptor.digest}, 2 layers`);
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.filter((line) => line.endsWith(': Pull complete'))).toHaveLength(2);
    // eslint-disable-next-line no-control-regex
    expect(stderr).not.toMatch(/\u001b/);
  });

  it('has a schema in JSON, and says what was there before', async () => {
    const reference = `${registry.host}/app:v1`;
    const args = ['pull', reference, '--store', temporaryFolder(), '--format', 'json'];
    const first = await cli(...args, '--progress', 'json');
    const second = await cli(...args, '--progress', 'none');
    expect(JSON.parse(first.stdout)).toEqual(jsonOf({ reference, of: image, status: 'pulled' }));
    expect(JSON.parse(second.stdout)).toEqual(jsonOf({ reference, of: image, status: 'exists' }));
    expect(second.stderr).toBe('');
    const kinds = first.stderr
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
    expect(kinds[0]).toBe('resolved');
    expect(kinds.filter((kind) => kind === 'layer')).toHaveLength(2);
  });

  it('pulls several images at once, each layer once, and prints one result a line in their order', async () => {
    const references = ['tool:v2', 'app:v1', 'tool:v2'].map((name) => `${registry.host}/${name}`);
    const before = registry.bytesServed(image.layers[0]!.digest);
    const store = temporaryFolder();
    const { code, stdout } = await cli('pull', ...references, '--store', store, '--format=json');
    expect(code).toBe(0);
    const results = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { reference: string });
    expect(results.map(({ reference }) => reference)).toEqual(references.slice(0, 2));
    expect(registry.bytesServed(image.layers[0]!.digest) - before).toBe(image.layers[0]!.size);
  });

  it('says of several images which one it was whose layer failed', async () => {
    const bad = await sampleImage({ layers: [[{ name: 'bad', size: 100 }]] });
    registry.addImage('bad', 'v1', bad);
    const { digest } = bad.layers[0]!;
    registry.inject({ match: { digest, method: 'GET' }, fault: { kind: 'status', status: 404 } });
    const references = ['bad:v1', 'app:v1'].map((name) => `${registry.host}/${name}`);
    const { code, stderr } = await cli('pull', ...references, '--store', temporaryFolder());
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^rxfer: ${registry.host}/bad:v1: .*404.*${digest}`, 'm'));
  });

  describe('of which one fails while another goes on', () => {
    let slow: InjectedFault;
    const references = (): string[] =>
      ['no/such:v1', 'slow:v1'].map((name) => `${registry.host}/${name}`);
    const stderrOf = async (progress: string): Promise<string[]> => {
      const args = ['--store', temporaryFolder(), '--progress', progress];
      const { code, stderr } = await cli('pull', ...references(), ...args);
      expect(code).toBe(1);
      return stderr.trimEnd().split('\n');
    };

    beforeAll(async () => {
      const content = await sampleImage({ layers: [[{ name: 'slow', size: 1_000_000 }]] });
      registry.addImage('slow', 'v1', content);
      slow = registry.inject({
        match: { digest: content.layers[0]!.digest },
        fault: { kind: 'rate', bytesPerSecond: 500_000 },
      });
    });
    afterAll(() => slow.remove());

    it('tells of it at once, and in the end again with what to do', async () => {
      const lines = await stderrOf('plain');
      const told = `${registry.host}/no/such:v1: Pull failed: `;
      const failed = lines.findIndex((line) => line.startsWith(told));
      expect(failed).toBeGreaterThanOrEqual(0);
      expect(lines.findIndex((line) => line.endsWith(': Pull complete'))).toBeGreaterThan(failed);
      expect(lines.at(-2)).toBe(`rxfer: ${lines[failed]!.slice(told.length)}`);
      expect(lines.at(-1)).toMatch(/^ {2}\w/);
    });

    it('tells of it in JSON', async () => {
      const lines = await stderrOf('json');
      const failed = lines.findIndex((line) => line.includes('"kind":"failed"'));
      expect(JSON.parse(lines[failed]!)).toEqual({
        kind: 'failed',
        reference: references()[0],
        code: expect.stringMatching(/^ERR_/) as unknown,
        message: expect.stringContaining('no/such') as unknown,
      });
      expect(lines.findIndex((line) => line.includes('"Pull complete"'))).toBeGreaterThan(failed);
    });

    it("tells of it as Docker's progress, whose end has the message as well", async () => {
      const lines = await stderrOf('docker');
      const messages = lines
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { id?: string; status?: string; error?: string });
      const failed = messages.findIndex(({ id }) => id === references()[0]);
      expect(messages[failed]).toMatchObject({
        status: expect.stringMatching(/^Pull failed: .*no\/such/) as unknown,
      });
      const complete = messages.findIndex(({ status }) => status === 'Pull complete');
      expect(complete).toBeGreaterThan(failed);
      expect(messages.at(-1)!.error).toContain('no/such');
    });
  });

  it('says which layer it was too, where the message leaves it out', async () => {
    const torn = await tornImage();
    registry.addImage('torn', 'v1', torn);
    const { digest } = torn.layers[0]!;
    const references = ['torn:v1', 'app:v1'].map((name) => `${registry.host}/${name}`);
    const { code, stderr } = await cli('pull', ...references, '--store', temporaryFolder());
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^rxfer: ${registry.host}/torn:v1: .*${digest}`, 'm'));
  });

  it('goes on with the others when one fails, and then fails', async () => {
    const references = ['no/such:v1', 'app:v1', 'nor/this:v1'].map(
      (name) => `${registry.host}/${name}`,
    );
    const args = ['--store', temporaryFolder(), '--progress', 'none'];
    const { code, stdout, stderr } = await cli('pull', ...references, ...args);
    expect(code).toBe(1);
    expect(stdout).toContain(image.descriptor.digest);
    expect(stderr).toContain('no/such');
    expect(stderr).toContain('nor/this');
    expect(stderr).not.toContain('    at ');
  });
});

describe('the commands on a store', () => {
  let store: string;
  beforeAll(async () => {
    store = temporaryFolder();
    expect((await cli('pull', `${registry.host}/app:v1`, '--store', store)).code).toBe(0);
  });

  it('images lists what is there, as a table and as JSON', async () => {
    const table = await cli('images', '--store', store);
    expect(table.stdout).toMatch(/^REFERENCE +DIGEST +PULLED\n/);
    expect(table.stdout).toMatch(new RegExp(`\n${registry.host}/app:v1 +[0-9a-f]{12} +\\d{4}-`));
    const { stdout } = await cli('images', '--store', store, '--format', 'json');
    expect(JSON.parse(stdout)).toMatchObject([
      { reference: `${registry.host}/app:v1`, resolved: image.descriptor.digest },
    ]);
  });

  it('inspect shows an image as JSON, with its configuration', async () => {
    const { code, stdout, stderr } = await cli(
      'inspect',
      `${registry.host}/app:v1`,
      '--store',
      store,
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      reference: `${registry.host}/app:v1`,
      digest: image.descriptor.digest,
      platform: 'linux/amd64',
      layers: image.layers.map(({ digest }, index) => ({ digest, diffID: image.diffIDs[index] })),
      config: { os: 'linux', rootfs: { diff_ids: image.diffIDs } },
    });
  });

  it('unpack restores the root file system into a new folder, and refuses one that is in use', async () => {
    const folder = join(temporaryFolder(), 'rootfs');
    const args = ['unpack', `${registry.host}/app:v1`, folder, '--store', store];
    const { code, stdout } = await cli(...args);
    expect([code, stdout]).toEqual([0, `${folder}\n`]);
    expect(readFileSync(join(folder, 'etc/os'), 'utf8')).toBe('sample');
    const again = await cli(...args);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(
      /^rxfer: .*rootfs is not empty\n {2}Choose an empty or new folder/,
    );
  });

  it.each<[string, (folder: string) => string]>([
    ['a registry', () => `docker://${registry.host}/app:v1`],
    ['a layout', (folder) => `oci:${folder}/layout:v1`],
  ])('unpack from %s needs no store and makes none', async (_, place) => {
    const folder = temporaryFolder();
    const from = place(folder);
    const root = join(folder, 'rootfs');
    const none = join(folder, 'store');
    if (from.startsWith('oci:')) {
      const copied = await cli('copy', `${registry.host}/app:v1`, from, '--store', none);
      expect(copied.code).toBe(0);
    }
    const { code, stdout, stderr } = await cli('unpack', from, root, '--store', none);
    expect([code, stdout]).toEqual([0, `${root}\n`]);
    expect(stderr).toMatch(/^[\da-f]{12}: Downloading\n(?:.*\n)*[\da-f]{12}: Unpacked\n/m);
    expect(readFileSync(join(root, 'etc/os'), 'utf8')).toBe('sample');
    expect(existsSync(none)).toBe(false);
    const linked = await cli('unpack', from, `${root}-2`, '--link', '--store', none);
    expect([linked.code, linked.stderr]).toEqual([
      2,
      expect.stringContaining('Pull or copy it into the store first'),
    ]);
  });

  it('unpack --link uses the files of the store, and says what that means', async () => {
    const unpack = (...options: string[]): ReturnType<typeof cli> => {
      const folder = join(temporaryFolder(), 'rootfs');
      return cli('unpack', `${registry.host}/app:v1`, folder, '--store', store, ...options);
    };
    const hard = await unpack('--link', 'hard');
    expect([hard.code, hard.stderr]).toEqual([
      0,
      expect.stringMatching(/[1-9]\d* files linked, .*don't write to linked files/),
    ]);
    expect((await unpack('--link')).stderr).toMatch(/\b0 files linked, \d+ cloned, \d+ copied\n$/);
    const json = JSON.parse((await unpack('--link', '--format', 'json')).stdout) as object;
    expect(json).toMatchObject({ reused: { linked: 0 } });
    expect((await unpack('--link', 'soft')).code).toBe(2);
  });

  it('copy and push move an image on, to a layout and to another name', async () => {
    const layout = join(temporaryFolder(), 'layout');
    const copied = await cli(
      ...['copy', `store:${registry.host}/app:v1`, `oci:${layout}:v1`],
      ...['--store', store, '--format', 'json'],
    );
    expect(JSON.parse(copied.stdout)).toMatchObject({
      destination: `oci:${layout}:v1`,
      digest: image.descriptor.digest,
      layers: image.layers.map(({ digest, size }) => ({ digest, size })),
      bytes: sizeOf(image),
    });
    const target = `${registry.host}/copied:v1`;
    const pushed = await cli('push', target, `${registry.host}/app:v1`, '--store', store);
    expect([pushed.code, pushed.stdout.split('\n').slice(0, 2)]).toEqual([
      0,
      [target, image.descriptor.digest],
    ]);
    const there = await cli('copy', target, `oci:${layout}:v2`, '--store', store);
    expect(there.code).toBe(0);
  });
});

describe('rxfer demo', () => {
  it('ends in the summary that the README shows', async () => {
    const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');
    const [, summary = ''] = /```text\n(demo\/web[\s\S]*?)```/.exec(readme) ?? [];
    const { code, stdout } = await cli('demo');
    expect(code).toBe(0);
    const stable = (text: string): string => text.trim().replace(/^At a time: .*$/m, '');
    expect(stable(stdout)).toBe(stable(summary));
  }, 60_000);
});
