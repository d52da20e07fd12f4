import fc from 'fast-check';
import {
  digestOf,
  InvalidManifestError,
  isConfigType,
  isForeignLayerType,
  isIndexType,
  isManifestType,
  layerCompression,
  manifestMediaType,
  mediaTypes,
  parseConfig,
  parseIndex,
  parseManifest,
} from '../../src/oci/index.js';
import { RxferError } from '../../src/transfer/index.js';

const digest = digestOf('x');
const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest, size: 1 };
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: { ...descriptor, mediaType: mediaTypes.ociConfig },
  layers: [descriptor],
};
const index = { schemaVersion: 2, manifests: [{ ...descriptor, platform: platformOf('linux') }] };
const config = { ...platformOf('linux'), rootfs: { type: 'layers', diff_ids: [digest] } };
const readers = [
  parseManifest,
  parseIndex,
  parseConfig,
  (bytes: Uint8Array) => manifestMediaType(bytes, undefined),
  (bytes: Uint8Array) => manifestMediaType(bytes, mediaTypes.ociIndex),
];

function platformOf(os: string) {
  return { os, architecture: 'amd64' };
}

function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** Reads with all readers; what they throw must be typed. */
function readAll(bytes: Uint8Array): void {
  for (const read of readers) {
    try {
      read(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(RxferError);
      expect((error as RxferError).code).toBe('ERR_INVALID_MANIFEST');
      expect((error as RxferError).hint).toBeDefined();
    }
  }
}

describe('documents of the specification', () => {
  it('are read with what they say', () => {
    expect(parseManifest(bytesOf(manifest))).toMatchObject(manifest);
    expect(parseIndex(bytesOf(index))).toMatchObject(index);
    expect(parseConfig(bytesOf(config))).toMatchObject({
      platform: platformOf('linux'),
      rootFS: { diffIDs: [digest] },
      raw: config,
    });
  });

  it.each<[string, (bytes: Uint8Array) => unknown, unknown, RegExp]>([
    ['another schema version', parseManifest, { ...manifest, schemaVersion: 1 }, /schemaVersion/],
    ['no configuration', parseManifest, { ...manifest, config: undefined }, /config/],
    ['the field of an index', parseManifest, { ...manifest, manifests: [] }, /index/],
    ['the field of a manifest', parseIndex, { ...index, layers: [] }, /manifest/],
    ['a negative size', parseManifest, withLayer({ size: -1 }), /layers\.0\.size/],
    ['half a byte', parseManifest, withLayer({ size: 1.5 }), /layers\.0\.size/],
    ['a size beyond numbers', parseManifest, withLayer({ size: 2 ** 60 }), /layers\.0\.size/],
    ['a size that is text', parseManifest, withLayer({ size: '1' }), /layers\.0\.size/],
    ['a digest of sha1', parseManifest, withLayer({ digest: 'sha1:00' }), /layers\.0\.digest/],
    ['an endless type', parseManifest, withLayer({ mediaType: 'a'.repeat(300) }), /mediaType/],
    ['a diffID that is none', parseConfig, diffIDs(['sha256:1']), /diff_ids\.0/],
    ['no diffIDs', parseConfig, diffIDs(undefined), /diff_ids/],
    ['no platform', parseConfig, { rootfs: config.rootfs }, /os/],
  ])('are refused, by name, with %s', (_, read, document, problem) => {
    expect(() => read(bytesOf(document))).toThrow(InvalidManifestError);
    expect(() => read(bytesOf(document))).toThrow(problem);
  });

  it('are never taken for what they don’t call themselves', () => {
    const bytes = bytesOf(manifest);
    expect(manifestMediaType(bytes, mediaTypes.ociManifest)).toBe(mediaTypes.ociManifest);
    expect(manifestMediaType(bytes, 'text/plain')).toBe(mediaTypes.ociManifest);
    expect(manifestMediaType(bytesOf(index), undefined)).toBe(mediaTypes.ociIndex);
    expect(() => manifestMediaType(bytes, mediaTypes.ociIndex)).toThrow(InvalidManifestError);
  });
});

describe('garbage', () => {
  it('of any bytes or JSON ends in typed errors alone', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), readAll));
    fc.assert(fc.property(fc.jsonValue(), (value) => readAll(bytesOf(value))));
  });

  it('in one place of a good document ends in typed errors alone', () => {
    const places = fc.constantFrom('config', 'layers', 'manifests', 'rootfs', 'mediaType', 'os');
    const documents = fc.constantFrom<object>(manifest, index, config);
    fc.assert(
      fc.property(documents, places, fc.jsonValue(), (document, place, value) => {
        readAll(bytesOf({ ...document, [place]: value }));
      }),
    );
    const fields = fc.constantFrom(
      'digest',
      'size',
      'mediaType',
      'urls',
      'annotations',
      'platform',
    );
    fc.assert(
      fc.property(fields, fc.jsonValue(), (field, value) => {
        readAll(bytesOf(withLayer({ [field]: value })));
        readAll(bytesOf({ ...index, manifests: [{ ...descriptor, [field]: value }] }));
      }),
    );
  });

  it('leaves no trace on objects', () => {
    const text = JSON.stringify(manifest).replace('{', '{"__proto__":{"polluted":true},');
    expect(parseManifest(Buffer.from(text)).layers).toHaveLength(1);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('media types', () => {
  it.each([
    [mediaTypes.ociLayer, 'none'],
    [mediaTypes.ociLayerGzip, 'gzip'],
    [mediaTypes.ociLayerZstd, 'zstd'],
    [mediaTypes.dockerLayer, 'none'],
    [mediaTypes.dockerLayerGzip, 'gzip'],
    [mediaTypes.dockerForeignLayer, 'gzip'],
    [mediaTypes.ociConfig, undefined],
    ['application/vnd.oci.image.layer.v1.tar+brotli', undefined],
    ['application/octet-stream', undefined],
    ['', undefined],
  ])('%s is compressed by %s', (mediaType, compression) => {
    expect(layerCompression(mediaType)).toBe(compression);
  });

  it('are of one kind alone', () => {
    for (const mediaType of Object.values(mediaTypes)) {
      const kinds = [
        isIndexType(mediaType),
        isManifestType(mediaType),
        isConfigType(mediaType),
        layerCompression(mediaType) !== undefined,
        mediaType === mediaTypes.ociEmpty,
      ];
      expect(kinds.filter(Boolean)).toHaveLength(1);
    }
    expect(isForeignLayerType(mediaTypes.dockerForeignLayer)).toBe(true);
    expect(isForeignLayerType(mediaTypes.ociLayer)).toBe(false);
  });
});

function withLayer(change: object): object {
  return { ...manifest, layers: [{ ...descriptor, ...change }] };
}

function diffIDs(diff_ids: readonly string[] | undefined): object {
  return { ...config, rootfs: { type: 'layers', diff_ids } };
}
