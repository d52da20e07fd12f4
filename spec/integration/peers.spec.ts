import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import {
  createRegistryClient,
  createRxfer,
  mediaTypes,
  openDiskStore,
  parsePlatform,
  type PulledImage,
  type RegistryClient,
  type Rxfer,
} from '../../src/index.js';
import {
  sampleImage,
  sampleIndex,
  type SampleEntry,
  type SampleImage,
} from '../../src/testing/index.js';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';
import { run } from '../support/run.js';
import { writeSampleLayout } from '../support/sample-layout.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { describeWholeTree } from '../support/tree.js';

const depth = 12;
const parents = Array.from({ length: depth }, (_, level) => 'long-folder-name/'.repeat(level + 1));
const deep = 'long-folder-name/'.repeat(depth);
const lower: SampleEntry[] = [
  { name: 'etc/', mtime: new Date('2023-03-03T03:03:03Z') },
  { name: 'etc/passwd', content: 'root:x:0:0', mode: 0o644 },
  { name: 'usr/', mode: 0o755 },
  { name: 'usr/bin/', mode: 0o755 },
  { name: 'usr/bin/tool', size: 200_000, mode: 0o4755 },
  { name: 'usr/bin/alias', type: 'link', linkname: 'usr/bin/tool' },
  { name: 'bin', type: 'symlink', linkname: 'usr/bin' },
  { name: 'var/', uid: 7, gid: 8 },
  { name: 'var/gone', content: 'hidden by a whiteout' },
  { name: 'var/data/' },
  { name: 'var/data/old', content: 'hidden by an opaque folder' },
  { name: 'var/tmp/', mode: 0o1777 },
  ...parents.map((name) => ({ name })),
  { name: `${deep}${'n'.repeat(120)}`, content: 'a long name', uid: 1000, gid: 1000 },
];
const upper: SampleEntry[] = [
  { name: 'var/.wh.gone' },
  { name: 'var/data/new', content: 'beside the opaque marker' },
  { name: 'var/data/.wh..wh..opq' },
  { name: 'etc/hosts', content: '127.0.0.1 localhost' },
  { name: 'bin/through', content: 'written through a link', mode: 0o700 },
  { name: 'usr/bin/pipe', type: 'fifo', mode: 0o600 },
  { name: 'usr/bin/null', type: 'character-device', devmajor: 1, devminor: 3, mode: 0o666 },
];

describeWithPeers(
  ['docker-registry', 'skopeo', 'umoci', 'setfattr', 'getfattr'],
  'with docker-registry, skopeo and umoci',
  () => {
    let registry: DockerRegistry;
    let client: RegistryClient;
    let rxfer: Rxfer;

    beforeAll(async () => {
      registry = await startDockerRegistry();
      client = createRegistryClient();
      rxfer = createRxfer({ store: await openDiskStore(temporaryFolder()), registry: client });
    });
    afterAll(async () => {
      await client.close();
      await registry.stop();
      removeTemporaryFolders();
    });

    const push = async (
      name: string,
      image: SampleImage,
      ...options: string[]
    ): Promise<string> => {
      const folder = join(temporaryFolder(), 'layout');
      writeSampleLayout(folder, 'v1', image);
      const reference = `${registry.host}/${name}:v1`;
      await run(
        'skopeo',
        'copy',
        '-q',
        '--dest-tls-verify=false',
        ...options,
        `oci:${folder}:v1`,
        `docker://${reference}`,
      );
      return reference;
    };
    const pull = async (reference: string, platform?: string): Promise<PulledImage> => {
      const options = platform === undefined ? {} : { platform: parsePlatform(platform) };
      const event = await lastValueFrom(rxfer.pull(reference, options));
      if (event.kind !== 'result') throw new Error('no result');
      event.release();
      return event.image;
    };
    const digestOnRegistry = async (reference: string): Promise<string> =>
      (
        await run(
          'skopeo',
          'inspect',
          '--tls-verify=false',
          '--format',
          '{{.Digest}}',
          `docker://${reference}`,
        )
      ).trim();
    /** The image goes to an OCI layout; rxfer's and umoci's trees of it must be the same. */
    const compareWithUmoci = async (reference: string): Promise<void> => {
      const folder = temporaryFolder();
      const layout = join(folder, 'layout');
      await lastValueFrom(rxfer.copy(`store:${reference}`, `oci:${layout}:v1`));
      await run('skopeo', 'inspect', `oci:${layout}:v1`);
      await run('umoci', 'unpack', '--image', `${layout}:v1`, join(folder, 'bundle'));
      await lastValueFrom(rxfer.unpack(reference, join(folder, 'rootfs')));
      expect(describeWholeTree(join(folder, 'rootfs'))).toEqual(
        describeWholeTree(join(folder, 'bundle', 'rootfs')),
      );
    };

    it('pulls gzip by tag and digest, and unpacks what umoci unpacks', async () => {
      const image = await sampleImage({ layers: [lower, upper] });
      const reference = await push('gzip', image);
      expect((await pull(reference)).manifest.digest).toBe(image.descriptor.digest);
      const byDigest = `${registry.host}/gzip@${image.descriptor.digest}`;
      expect((await pull(byDigest)).statuses).toEqual(['exists', 'exists']);
      await compareWithUmoci(reference);
    });

    it('pulls zstd', async () => {
      const image = await sampleImage({ layers: [lower, upper], compression: 'none' });
      const reference = await push('zstd', image, '--dest-compress-format', 'zstd');
      const pulled = await pull(reference);
      expect(pulled.layers.map(({ mediaType }) => mediaType)).toEqual([
        mediaTypes.ociLayerZstd,
        mediaTypes.ociLayerZstd,
      ]);
      expect(pulled.diffIDs).toEqual(image.diffIDs);
    });

    it('pulls uncompressed layers', async () => {
      const image = await sampleImage({
        layers: [[{ name: 'plain', size: 100_000 }]],
        compression: 'none',
      });
      const reference = await push('plain', image, '--preserve-digests');
      expect((await pull(reference)).diffIDs).toEqual(image.diffIDs);
      await compareWithUmoci(reference);
    });

    it('pulls Docker schema 2', async () => {
      const image = await sampleImage({ layers: [lower, [{ name: 'schema2', content: '2' }]] });
      const reference = await push('schema2', image, '--format', 'v2s2');
      const pulled = await pull(reference);
      expect(pulled.manifest.mediaType).toBe(mediaTypes.dockerManifest);
      expect(pulled.manifest.digest).toBe(await digestOnRegistry(reference));
    });

    it('pulls one platform of an index', async () => {
      const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];
      const images = await Promise.all(
        platforms.map((platform) =>
          sampleImage({
            layers: [[{ name: platform.replaceAll('/', '-'), size: 9 }]],
            platform: parsePlatform(platform),
          }),
        ),
      );
      const reference = await push('index', sampleIndex(images), '--all');
      for (const [place, platform] of platforms.entries()) {
        expect((await pull(reference, platform)).diffIDs).toEqual(images[place]?.diffIDs);
      }
    });

    it('pulls 64 layers, of which one stands there twice', async () => {
      const layers = Array.from({ length: 63 }, (_, index) => [
        { name: `file-${index}`, size: 5000 },
      ]);
      const image = await sampleImage({ layers: [...layers, [{ name: 'file-0', size: 5000 }]] });
      const reference = await push('many', image);
      const pulled = await pull(reference);
      expect(pulled.diffIDs).toEqual(image.diffIDs);
      await compareWithUmoci(reference);
    });

    it('pulls a sparse file and a large one', async () => {
      const folder = temporaryFolder();
      const layout = join(folder, 'layout');
      const root = join(folder, 'root');
      mkdirSync(root);
      await run('truncate', '-s', '100M', join(root, 'sparse'));
      await run('sh', '-c', `head -c 300000000 /dev/urandom > ${root}/large`);
      await run('umoci', 'init', '--layout', layout);
      await run('umoci', 'new', '--image', `${layout}:v1`);
      await run('umoci', 'insert', '--image', `${layout}:v1`, root, '/data');
      const reference = `${registry.host}/large:v1`;
      await run(
        'skopeo',
        'copy',
        '-q',
        '--dest-tls-verify=false',
        `oci:${layout}:v1`,
        `docker://${reference}`,
      );
      await pull(reference);
      await compareWithUmoci(reference);
    }, 180_000);

    it('pushes what skopeo pulls back under the same digest', async () => {
      const image = await sampleImage({ layers: [lower, upper] });
      const reference = await push('origin', image);
      await pull(reference);
      const target = `${registry.host}/pushed:v2`;
      await lastValueFrom(rxfer.push(target, { source: reference }));
      expect(await digestOnRegistry(target)).toBe(image.descriptor.digest);
      const folder = join(temporaryFolder(), 'back');
      await run(
        'skopeo',
        'copy',
        '-q',
        '--preserve-digests',
        '--src-tls-verify=false',
        `docker://${target}`,
        `oci:${folder}:v2`,
      );
      const { image: back } = await lastValueFrom(
        rxfer.copy(`oci:${folder}:v2`, 'store:back:v2'),
      ).then((event) => (event.kind === 'result' ? event : Promise.reject(new Error('no result'))));
      expect(back.manifest.digest).toBe(image.descriptor.digest);
    });
  },
);
