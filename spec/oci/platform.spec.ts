import fc from 'fast-check';
import {
  bestPlatform,
  formatPlatform,
  hostPlatform,
  InvalidPlatformError,
  parsePlatform,
} from '../../src/oci/index.js';

const best = (wanted: string, ...entries: (string | undefined)[]): string | undefined => {
  const platforms = entries.map((text) => (text === undefined ? undefined : parsePlatform(text)));
  return entries[bestPlatform(parsePlatform(wanted), platforms)];
};

describe('a platform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['Linux/X86-64', 'linux/amd64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64/v8'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['windows/amd64', 'windows/amd64'],
    ['linux/riscv64', 'linux/riscv64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
  ])('%s is %s', (text, normal) => {
    expect(formatPlatform(parsePlatform(text))).toBe(normal);
    expect(parsePlatform(normal)).toEqual(parsePlatform(text));
  });

  it.each(['', 'linux', 'linux/', '/amd64', 'linux/amd64/', 'linux/amd64/v1/x', 'li nux/amd64'])(
    'is not %j',
    (text) => {
      expect(() => parsePlatform(text)).toThrow(InvalidPlatformError);
    },
  );

  it('is read, or refused by a typed error, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const platform = parsePlatform(text);
          expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidPlatformError);
        }
      }),
    );
  });

  it('is that of this machine in Linux', () => {
    expect(hostPlatform().os).toBe('linux');
    expect(best(formatPlatform(hostPlatform()), 'linux/none', formatPlatform(hostPlatform()))).toBe(
      formatPlatform(hostPlatform()),
    );
  });
});

describe('bestPlatform', () => {
  it.each([
    ['linux/amd64', ['linux/arm64', 'linux/amd64'], 'linux/amd64'],
    ['linux/amd64', ['windows/amd64', 'linux/arm64'], undefined],
    ['linux/amd64', [], undefined],
    // An entry that says nothing of its platform may be anything.
    ['linux/amd64', [undefined, 'linux/amd64'], 'linux/amd64'],
    // arm64 is v8, whether or not that is written.
    ['linux/arm64', ['linux/arm64/v8'], 'linux/arm64/v8'],
    ['linux/arm64/v8', ['linux/arm64'], 'linux/arm64'],
    // The same variant before none, whatever their order.
    ['linux/arm/v7', ['linux/arm', 'linux/arm/v7'], 'linux/arm/v7'],
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm'], 'linux/arm'],
    // A lower variant of arm runs on a higher one, the highest first, and never the other way round.
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6'], 'linux/arm/v6'],
    ['linux/arm/v6', ['linux/arm/v7'], undefined],
    ['linux/amd64/v2', ['linux/amd64/v3'], undefined],
    ['linux/amd64/v2', ['linux/amd64'], 'linux/amd64'],
    // The first of those that are as good.
    ['linux/amd64', ['linux/amd64', 'linux/amd64'], 'linux/amd64'],
  ])('of %s among %j is %s', (wanted, entries, expected) => {
    expect(best(wanted, ...entries)).toBe(expected);
  });
});
