import * as fc from 'fast-check';
import {
  familiarReference,
  formatReference,
  InvalidReferenceError,
  parseHost,
  parseReference,
  parseRepository,
  type Digest,
  type Reference,
} from '../../src/oci/index.js';

const sha256 = `sha256:${'a'.repeat(64)}`;

function failure(
  text: string,
  parse: (text: string) => unknown = parseReference,
): InvalidReferenceError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof InvalidReferenceError) return error;
    throw error;
  }
  throw new Error(`'${text}' can be read`);
}

describe('parseReference', () => {
  it.each([
    ['alpine', 'docker.io/library/alpine:latest'],
    ['alpine:3.20', 'docker.io/library/alpine:3.20'],
    ['team/app', 'docker.io/team/app:latest'],
    ['docker.io/alpine', 'docker.io/library/alpine:latest'],
    ['index.docker.io/team/app', 'docker.io/team/app:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000', 'docker.io/library/localhost:5000'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['Host/app', 'Host/app:latest'],
    ['host/app', 'docker.io/host/app:latest'],
    ['quay.io/a/b/c/d:v1', 'quay.io/a/b/c/d:v1'],
    ['[::1]:5000/app:v1', '[::1]:5000/app:v1'],
    ['[2001:db8::1]/app', '[2001:db8::1]/app:latest'],
    ['10.0.0.1:5000/app', '10.0.0.1:5000/app:latest'],
    [`alpine@${sha256}`, `docker.io/library/alpine@${sha256}`],
    [`alpine:3.20@${sha256}`, `docker.io/library/alpine:3.20@${sha256}`],
    [`alpine@sha512:${'0'.repeat(128)}`, `docker.io/library/alpine@sha512:${'0'.repeat(128)}`],
    ['a__b/c-d/e--f/g.h', 'docker.io/a__b/c-d/e--f/g.h:latest'],
  ])('reads %s as %s', (text, full) => {
    expect(formatReference(parseReference(text))).toBe(full);
  });

  it.each([
    ['', 0],
    ['Alpine', 0],
    ['alPine', 2],
    ['al pine', 2],
    ['alpine:', 7],
    ['alpine:-1', 7],
    ['alpine:a b', 8],
    [`alpine:${'a'.repeat(129)}`, 135],
    ['team//app', 5],
    ['team/app/', 9],
    ['/app', 0],
    ['team/_app', 5],
    ['team/app_', 9],
    ['team/a..b', 7],
    ['team/a___b', 8],
    ['quay.io/App', 8],
    ['quay..io/app', 4],
    ['quay.io:/app', 7],
    ['quay.io:99999/app', 8],
    ['256.1.1.1/app', 0],
    ['[::zz]/app', 0],
    ['[::1/app', 0],
    ['alpine@', 7],
    ['alpine@md5:abc', 7],
    ['alpine@sha256:abcG', 17],
    [`alpine@${sha256}a`, 7 + 7 + 64],
    [`alpine@${sha256.slice(0, -1)}`, 7 + 7 + 63],
    ['a'.repeat(64), 0],
    [`quay.io/${'a'.repeat(250)}`, 255],
  ])('refuses %s at %d', (text, position) => {
    const error = failure(text);
    expect(error.position).toBe(position);
    expect(error.message).toContain(`at character ${position + 1}`);
  });

  it.each([
    'user:s3cret@localhost',
    'user:s3cret@localhost/app',
    'user:s3cret@localhost:5000',
    'user:s3cret@localhost:5000/app:v1',
    'user:s3cret@[::1]:5000/app',
    'user:s3cret@quay.io/app@sha256:12',
    'user:/s3cret@localhost/app',
    'user:s3cret!@localhost/app',
    'user:@s3cret@localhost/app',
    'user:a:s3cret@localhost',
    'te/am:s3cret@localhost',
    '5:5000/s3cret@quay.io/app',
    'docker://user:s3cret@localhost',
    'https://user:/s3cret@localhost/app',
    `user:s3cret${'x'.repeat(310)}@localhost/app`,
  ])('shows no password in %p, as a reference or a repository', (text) => {
    for (const parse of [parseReference, parseRepository]) {
      const { message } = failure(text, parse);
      expect(message).not.toContain('s3cret');
      expect(message).toContain('*');
    }
  });

  it.each(['localhost:5000/app@latest', 'app:v1@sha256:12', 'app:v1@md5:ab', 'app:v1@'])(
    'shows %p as it is',
    (text) => {
      expect(failure(text).message).toContain(`'${text}'`);
    },
  );

  it('shows neither passwords nor control characters', () => {
    for (const text of [
      'ali:s3cret@quay.io/app',
      'https://ali:s3cret@quay.io/app',
      'a\u001b[2Jb',
    ]) {
      expect(failure(text).message).not.toMatch(/s3cret|\p{C}/u);
    }
    expect(failure('alpine:3.20@sha256:abc').message).toContain('alpine:3.20@sha256:abc');
  });

  it.each(['https://quay.io/app', 'docker://localhost:5000/app:v1', 'HTTP://alpine'])(
    'says of %p to leave the scheme away',
    (text) => {
      const scheme = text.slice(0, text.indexOf('//') + 2);
      expect(failure(text).message).toContain(`write it without '${scheme}'`);
      expect(failure(text).position).toBe(scheme.length - 3);
    },
  );

  it('reads back what is formatted, whatever the reference', () => {
    fc.assert(
      fc.property(references(), (reference) => {
        expect(parseReference(formatReference(reference))).toEqual(reference);
        expect(parseReference(familiarReference(reference))).toEqual(reference);
      }),
      { numRuns: 500 },
    );
  });

  it('either reads a text or points into it, whatever the text', () => {
    const alphabet = fc.constantFrom(
      ...Array.from('aB0.:/@-_[]% é'),
      'sha256:',
      'localhost',
      'docker.io',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(alphabet, { maxLength: 12 }).map((p) => p.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        let reference: Reference;
        try {
          reference = parseReference(text);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidReferenceError);
          const { position } = error as InvalidReferenceError;
          expect(position).toBeGreaterThanOrEqual(0);
          expect(position).toBeLessThanOrEqual(text.length);
          return;
        }
        expect(parseReference(formatReference(reference))).toEqual(reference);
        expect(URL.canParse(`https://${reference.host}/v2/`)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('points at a character that was put where it does not fit', () => {
    const misfits = fc.constantFrom(' ', '%', 'é', '?', '\n');
    fc.assert(
      fc.property(references(), misfits, fc.nat(), (reference, misfit, seed) => {
        const text = formatReference(reference);
        const place = seed % (text.length + 1);
        const broken = text.slice(0, place) + misfit + text.slice(place);
        // An address is judged as a whole once its characters fit.
        expect(failure(broken).position).toBeLessThanOrEqual(place);
        if (place > reference.host.length) expect(failure(broken).position).toBe(place);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseHost', () => {
  it('reads a registry alone', () => {
    expect(parseHost('index.docker.io')).toBe('docker.io');
    expect(parseHost('registry')).toBe('registry');
    expect(parseHost('[::1]:5000')).toBe('[::1]:5000');
  });

  it.each([
    ['', 0, 'it is empty'],
    ['https://quay.io', 5, "write it without 'https://'"],
    ['quay.io/team', 7, "only ':port' may follow its name"],
    ['localhost:5000/', 14, "only ':port' may follow its name"],
    ['localhost:99999', 10, "'99999' is not a port"],
    ['localhost:port', 9, "only ':port' may follow its name"],
    ['reg istry', 3, "only ':port' may follow its name"],
    ['[::1', 0, 'it does not begin with a name or an address'],
    ['1.2.3.4.5', 0, 'it is not an address'],
  ])('says of %p that it is no registry, and where', (text, position, problem) => {
    const error = failure(text, parseHost);
    expect(error.message).toBe(
      `'${text}' is not a registry: ${problem} (at character ${position + 1})`,
    );
    expect(error.position).toBe(position);
    expect(error.hint).toBe(
      "A registry reads 'host[:port]', such as 'docker.io' or 'localhost:5000'.",
    );
  });

  it.each(['user:pass word@localhost', 'user:1pass@quay.io:5000', 'https://me:pass@host'])(
    'shows no password in %p',
    (text) => {
      const { message, hint } = failure(text, parseHost);
      expect(`${message} ${hint}`).not.toMatch(/pass|word/);
      expect(message).toContain('it holds a login');
    },
  );
});

describe('parseRepository', () => {
  it('reads a repository', () => {
    expect(parseRepository('alpine')).toEqual({ host: 'docker.io', path: 'library/alpine' });
    expect(parseRepository('localhost:5000/app')).toEqual({ host: 'localhost:5000', path: 'app' });
  });

  it.each([
    ['alpine:3.20', 6, 'it has a tag or a digest'],
    [`alpine@${sha256}`, 6, 'it has a tag or a digest'],
    ['localhost:5000', 9, 'it has a tag or a digest'],
    ['http://x/y', 4, "write it without 'http://'"],
    ['x:99999/y', 2, "'99999' is not a port"],
    ['Alpine', 0, "'Alpine' is not a part of a path; names are lower-case"],
  ])('says of %p that it is no repository, and where', (text, position, problem) => {
    const error = failure(text, parseRepository);
    expect(error.message).toBe(
      `'${text}' is not a repository: ${problem} (at character ${position + 1})`,
    );
    expect(error.position).toBe(position);
    expect(error.hint).toBe(
      "A repository reads '[host[:port]/]path', such as 'alpine' or 'localhost:5000/team/app'.",
    );
  });
});

function references(): fc.Arbitrary<Reference> {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const component = fc
    .array(fc.tuple(word, fc.constantFrom('.', '_', '__', '-', '---')), {
      minLength: 1,
      maxLength: 3,
    })
    .map((parts) =>
      parts
        .map(([text, separator]) => text + separator)
        .join('')
        .replace(/\W+$|_+$/, ''),
    );
  const hosts = fc.oneof(
    fc.constantFrom('docker.io', 'localhost', 'localhost:5000', '[::1]:5000', '[fd00::1]', 'Host'),
    fc
      .tuple(fc.domain(), fc.integer({ min: 1, max: 65535 }))
      .map(([name, port]) => `${name}:${port}`),
    fc.ipV4().map((address) => `${address}:5000`),
  );
  return fc
    .record({
      host: hosts,
      path: fc.array(component, { minLength: 2, maxLength: 4 }).map((parts) => parts.join('/')),
      tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined }),
      digest: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/), { nil: undefined }),
    })
    .filter(({ host, path }) => `${host}/${path}`.length <= 255)
    .map(({ host, path, tag, digest }) => ({
      host,
      path,
      ...(tag === undefined ? (digest === undefined ? { tag: 'latest' } : {}) : { tag }),
      ...(digest === undefined ? {} : { digest: `sha256:${digest}` as Digest }),
    }));
}
