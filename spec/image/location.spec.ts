import { parseLocation, parseUnpackLocation } from '../../src/image/index.js';

describe('parseLocation', () => {
  it.each([
    ['alpine', { kind: 'registry' }],
    ['localhost:5000/app:v1', { kind: 'registry' }],
    ['docker://localhost:5000/app:v1', { kind: 'registry', reference: { tag: 'v1' } }],
    ['store:app:v1', { kind: 'store', reference: { path: 'library/app', tag: 'v1' } }],
    ['oci:folder', { kind: 'oci', folder: 'folder', tag: undefined }],
    ['oci:folder:a/b:v1', { kind: 'oci', folder: 'folder', tag: 'a/b:v1' }],
    ['oci-archive:./x.tar', { kind: 'oci-archive', file: './x.tar', tag: undefined }],
    ['oci-archive:x.tar:v1', { kind: 'oci-archive', file: 'x.tar', tag: 'v1' }],
    ['docker-archive:x.tar', { kind: 'docker-archive', file: 'x.tar', reference: undefined }],
    [
      'docker-archive:x.tar:localhost:5000/a:v1',
      { kind: 'docker-archive', reference: { host: 'localhost:5000', path: 'a', tag: 'v1' } },
    ],
    [
      'docker-archive:x.tar:@12',
      { kind: 'docker-archive', file: 'x.tar', reference: undefined, index: 12 },
    ],
    // Registries that are called like a kind, where a port makes them hosts.
    ['oci-archive.example.com/app', { kind: 'registry' }],
    ['docker:5000/app', { kind: 'registry', reference: { host: 'docker:5000' } }],
  ])('%s', (text, location) => {
    expect(parseLocation(text)).toMatchObject(location);
  });

  it.each([
    'oci:',
    'oci-archive:',
    'docker-archive::v1',
    'oci:folder:',
    'oci-archive:x.tar: v',
    'docker-archive:x.tar:@',
    'docker-archive:x.tar:@-1',
    'docker-archive:x.tar:@1x',
    `docker-archive:x.tar:a@sha256:${'0'.repeat(64)}`,
  ])('%s is refused', (text) => {
    expect(() => parseLocation(text)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_LOCATION' }) as Error,
    );
  });
});

describe('parseUnpackLocation', () => {
  it.each([
    ['alpine', { kind: 'store', reference: { path: 'library/alpine' } }],
    ['store:alpine', { kind: 'store', reference: { path: 'library/alpine' } }],
    ['docker://alpine', { kind: 'registry', reference: { path: 'library/alpine' } }],
    ['oci:folder:v1', { kind: 'oci', folder: 'folder', tag: 'v1' }],
  ])('%s', (text, location) => {
    expect(parseUnpackLocation(text)).toMatchObject(location);
  });
});
