import fc from 'fast-check';
import {
  chainIDOf,
  chainIDsOf,
  digestAlgorithm,
  digestHex,
  digestOf,
  InvalidDigestError,
  isDigest,
  parseChainID,
  parseDiffID,
  parseDigest,
  shortDigest,
  type ChainID,
  type DiffID,
} from '../../src/oci/index.js';

const hex = fc.constantFrom(...'0123456789abcdef'.split(''));

describe('a digest', () => {
  it('is of sha256 or sha512, with as many lower-case digits as that has', () => {
    const digests = fc.oneof(
      fc.string({ unit: hex, minLength: 64, maxLength: 64 }).map((digits) => `sha256:${digits}`),
      fc.string({ unit: hex, minLength: 128, maxLength: 128 }).map((digits) => `sha512:${digits}`),
    );
    fc.assert(
      fc.property(digests, (text) => {
        const digest = parseDigest(text);
        expect(digest).toBe(text);
        expect(`${digestAlgorithm(digest)}:${digestHex(digest)}`).toBe(text);
        expect(shortDigest(digest)).toBe(text.slice(7, 19));
        expect([parseDiffID(text), parseChainID(text)]).toEqual([text, text]);
      }),
    );
  });

  it.each([
    ['', 'nothing'],
    ['sha256:', 'no digits'],
    ['a'.repeat(64), 'no algorithm'],
    [`sha256:${'a'.repeat(63)}`, 'a digit too few'],
    [`sha256:${'a'.repeat(65)}`, 'a digit too many'],
    [`sha256:${'A'.repeat(64)}`, 'upper case'],
    [`sha256:${'g'.repeat(64)}`, 'no hex digit'],
    [`SHA256:${'a'.repeat(64)}`, 'another spelling of the algorithm'],
    [`sha512:${'a'.repeat(64)}`, 'the digits of another algorithm'],
    [`sha1:${'a'.repeat(40)}`, 'an algorithm that is broken'],
    [`sha384:${'a'.repeat(96)}`, 'an algorithm that is unknown'],
    [`sha256:${'a'.repeat(64)}\n`, 'a line break'],
    [`../${'a'.repeat(64)}`, 'a path'],
  ])('is not %j: %s', (text) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(InvalidDigestError);
  });

  it('is refused in a message of bounded length, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5000 }), (text) => {
        try {
          expect(isDigest(parseDigest(text))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidDigestError);
          expect((error as Error).message.length).toBeLessThan(300);
        }
      }),
    );
  });

  it('is that of the bytes', () => {
    expect(digestOf('a')).toBe(
      'sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
    );
    expect(digestOf(Buffer.from('a'))).toBe(digestOf('a'));
    expect(digestAlgorithm(digestOf('a', 'sha512'))).toBe('sha512');
  });
});

describe('a chainID', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((text) => digestOf(text) as string as DiffID) as [
    DiffID,
    DiffID,
    DiffID,
  ];
  // By `printf 'sha256:… sha256:…' | sha256sum`.
  const onA = 'sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676' as ChainID;
  const onB = 'sha256:2fce7f8ce91bcf0a1428b36e1024639fdbd9469eea762dba98aa749631885106' as ChainID;

  it('is the diffID at the bottom, and the hash of both above', () => {
    expect(chainIDOf(undefined, a)).toBe(a);
    expect(chainIDOf(chainIDOf(undefined, a), b)).toBe(onA);
    expect(chainIDOf(onA, c)).toBe(onB);
  });

  it('is made for whole stacks, also on others', () => {
    expect(chainIDsOf([])).toEqual([]);
    expect(chainIDsOf([a, b, c])).toEqual([a, onA, onB]);
    expect(chainIDsOf([c], onA)).toEqual([onB]);
  });

  it('tells the order of layers', () => {
    expect(chainIDsOf([a, b]).at(-1)).not.toBe(chainIDsOf([b, a]).at(-1));
  });
});
