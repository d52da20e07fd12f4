import { RxferError } from '../transfer/index.js';
import { isDigest, type Digest } from './digest.js';

/** A repository on a registry, in full: nothing is left to defaults. */
export interface Repository {
  /** `name[:port]` of the registry, such as `docker.io`, `localhost:5000` or `[::1]:5000`. */
  readonly host: string;
  /** Path within the registry, such as `library/alpine`. */
  readonly path: string;
}

/** What names an image on a registry: a repository with a tag, a digest or both. */
export interface Reference extends Repository {
  readonly tag?: string;
  readonly digest?: Digest;
}

/** What a text was read as: an image reference, the name of a repository, or that of a registry. */
export type ReferenceKind = 'reference' | 'repository' | 'registry';

/** A text that doesn't follow the grammar of what it was read as; the message points at the character. */
export class InvalidReferenceError extends RxferError {
  override readonly name = 'InvalidReferenceError';
  /** Index in the text of the first character that does not fit; its length when it ends early. */
  readonly position: number;

  constructor(
    text: string,
    position: number,
    problem: string,
    readAs: ReferenceKind = 'reference',
  ) {
    const { name, form } = kinds[readAs];
    const where = `at character ${position + 1}`;
    super(
      'ERR_INVALID_REFERENCE',
      `'${shown(text, readAs)}' is not ${name}: ${problem} (${where})`,
      {
        hint: form,
      },
    );
    this.position = position;
  }
}

const kinds: Readonly<Record<ReferenceKind, { readonly name: string; readonly form: string }>> = {
  reference: {
    name: 'an image reference',
    form: "A reference reads '[host[:port]/]path[:tag][@digest]', such as 'docker.io/library/alpine:3.20'.",
  },
  repository: {
    name: 'a repository',
    form: "A repository reads '[host[:port]/]path', such as 'alpine' or 'localhost:5000/team/app'.",
  },
  registry: {
    name: 'a registry',
    form: "A registry reads 'host[:port]', such as 'docker.io' or 'localhost:5000'.",
  },
};

const maxNameLength = 255;
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const hostGrammar = new RegExp(
  `^(?:\\[[0-9a-fA-F:.]+\\]|${label}(?:\\.${label})*)(?::[0-9]{1,5})?`,
);
const componentGrammar = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*/;
const separatorGrammar = /^(?:\.|__?|-+)/;
const tagGrammar = /^\w[\w.-]{0,127}/;
const digestGrammars = [/^sha256:[0-9a-f]{0,64}/, /^sha512:[0-9a-f]{0,128}/];
const algorithms = ['sha256:', 'sha512:'];
/** What engines take for the id of an image. */
const identifierGrammar = /^[0-9a-f]{64}$/;

/**
 * Reads an image reference: the grammar of distribution's `reference` package with docker's
 * defaults (`docker.io`, `library/`, and the tag `latest` when neither tag nor digest is given).
 *
 * @throws InvalidReferenceError that points at the first character that does not fit.
 */
export function parseReference(text: string): Reference {
  return readReference({ text, readAs: 'reference' });
}

/**
 * Reads the name of a repository: a reference without tag and digest.
 *
 * @throws InvalidReferenceError
 */
export function parseRepository(text: string): Repository {
  const stated: Stated = { text, readAs: 'repository' };
  const { host, path } = readReference(stated);
  const at = text.indexOf('@');
  const colon = text.lastIndexOf(':', at < 0 ? text.length : at);
  const isTag = colon > text.lastIndexOf('/') && colon > text.lastIndexOf(']');
  if (at < 0 && !isTag) return { host, path };
  throw misfit(stated, isTag ? colon : at, 'it has a tag or a digest');
}

/**
 * Reads the name of a registry, `name[:port]`, as it stands before a slash in a reference.
 *
 * @throws InvalidReferenceError
 */
export function parseHost(text: string): string {
  const stated: Stated = { text, readAs: 'registry' };
  if (text === '') throw misfit(stated, 0, 'it is empty');
  const login = text.lastIndexOf('@');
  if (login >= 0) throw misfit(stated, login, 'it holds a login');
  checkScheme(stated);
  const fitting = fittingHost(text);
  if (fitting === 0) throw misfit(stated, 0, 'it does not begin with a name or an address');
  if (fitting < text.length) throw misfit(stated, fitting, "only ':port' may follow its name");
  checkAddress(stated, text, 'it is not an address');
  return normalHost(text);
}

/** The reference in full: `host/path[:tag][@digest]`. {@link parseReference} reads it back. */
export function formatReference(reference: Reference): string {
  const { host, path, tag, digest } = reference;
  const suffix = (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
  return `${host}/${path}${suffix}`;
}

/** The reference as people write it: without `docker.io/` and `library/`. */
export function familiarReference(reference: Reference): string {
  const full = formatReference(reference);
  const short = full.replace(/^docker\.io\/(?:library\/(?=[^/]+$))?/, '');
  // A path whose first part could be a host is one only after a host.
  return /^(?:[^/]*[.:][^/]*|localhost)\//.test(short) ? full : short;
}

/** A text, and what it is read as. */
interface Stated {
  readonly text: string;
  readonly readAs: ReferenceKind;
}

function misfit({ text, readAs }: Stated, position: number, problem: string): Error {
  return new InvalidReferenceError(text, position, problem, readAs);
}

function readReference(stated: Stated): Reference {
  const { text } = stated;
  checkScheme(stated);
  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/') && colon > named.lastIndexOf(']');
  const repository = parseName(stated, tagged ? named.slice(0, colon) : named);
  const tag = tagged ? parseTag(stated, named, colon + 1) : undefined;
  const digest = at < 0 ? undefined : parseDigestPart(stated, at + 1);
  if (tag === undefined && digest === undefined) return { ...repository, tag: 'latest' };
  return {
    ...repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** An address as people copy it: nothing fits after its `:`. */
function checkScheme(stated: Stated): void {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(stated.text)?.[0];
  if (scheme === undefined) return;
  throw misfit(stated, scheme.length - '://'.length, `write it without '${scheme}'`);
}

function parseName(stated: Stated, name: string): Repository {
  const { text } = stated;
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = /[.:[\]]/.test(first) || first === 'localhost' || /[A-Z]/.test(first);
  if (hasHost) checkHost(stated, first);
  const host = hasHost ? normalHost(first) : 'docker.io';
  const whole = hasHost ? name.slice(slash + 1) : name;
  checkPath(stated, whole, hasHost ? slash + 1 : 0);
  if (identifierGrammar.test(text)) {
    throw misfit(stated, 0, 'it is the id of an image, not a name');
  }
  const path = host === 'docker.io' && !whole.includes('/') ? `library/${whole}` : whole;
  if (host.length + 1 + path.length > maxNameLength) {
    const problem = `the name is over ${maxNameLength} characters`;
    throw misfit(stated, Math.min(maxNameLength, name.length), problem);
  }
  return { host, path };
}

function normalHost(host: string): string {
  return host === 'index.docker.io' ? 'docker.io' : host;
}

function checkHost(stated: Stated, host: string): void {
  const fitting = fittingHost(host);
  const problem = `'${shownPart(stated, 0, host.length)}' is not a host`;
  if (fitting < host.length || host === '') throw misfit(stated, fitting, problem);
  checkAddress(stated, host, problem);
}

function fittingHost(host: string): number {
  return hostGrammar.exec(host)?.[0].length ?? 0;
}

/** What follows the grammar may be no address all the same, such as 1.2.3.4.5 or port 99999. */
function checkAddress(stated: Stated, host: string, problem: string): void {
  if (URL.canParse(`https://${host}/`)) return;
  const port = /:(\d+)$/.exec(host);
  if (port === null || Number(port[1]) <= 65535) throw misfit(stated, 0, problem);
  const start = port.index + 1;
  throw misfit(stated, start, `'${shownPart(stated, start, host.length - start)}' is not a port`);
}

function checkPath(stated: Stated, path: string, start: number): void {
  let position = start;
  for (const component of path.split('/')) {
    const fitting = componentGrammar.exec(component)?.[0].length ?? 0;
    if (component === '') throw misfit(stated, position, 'a part is empty');
    if (fitting < component.length) {
      const separator = fitting === 0 ? null : separatorGrammar.exec(component.slice(fitting));
      const bad = fitting + (separator?.[0].length ?? 0);
      const upper = /[A-Z]/.test(component) ? '; names are lower-case' : '';
      const problem = `'${shownPart(stated, position, component.length)}' is not a part of a path${upper}`;
      throw misfit(stated, position + bad, problem);
    }
    position += component.length + 1;
  }
}

function parseTag(stated: Stated, named: string, start: number): string {
  const tag = named.slice(start);
  const fitting = tagGrammar.exec(tag)?.[0].length ?? 0;
  if (fitting === tag.length && tag !== '') return tag;
  throw misfit(stated, start + fitting, `'${shownPart(stated, start, tag.length)}' is not a tag`);
}

function parseDigestPart(stated: Stated, start: number): Digest {
  const digest = stated.text.slice(start);
  if (isDigest(digest)) return digest;
  const begun = algorithms.map((algorithm) => commonLength(algorithm, digest));
  const matched = digestGrammars.map((grammar) => grammar.exec(digest)?.[0].length ?? 0);
  const fitting = Math.max(...begun, ...matched);
  const problem = `'${shownPart(stated, start, digest.length)}' is not a sha256 or sha512 digest`;
  throw misfit(stated, start + fitting, problem);
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Safe to print: a password that somebody put before a host is hidden. */
function shown(text: string, readAs: ReferenceKind): string {
  const open = hidden(text, readAs).slice(0, 300).replace(/\p{C}/gu, '?');
  return text.length > 300 ? `${open}…` : open;
}

/** A part of the text, without what of it belongs to a password. */
function shownPart({ text, readAs }: Stated, start: number, length: number): string {
  return shown(hidden(text, readAs).slice(start, start + length), readAs);
}

/** The text with stars in place of what may be a password, so that positions in it stay. */
function hidden(text: string, readAs: ReferenceKind): string {
  const name = readAs === 'registry' ? text : text.replace(/@(?:sha|md|blake)\d+:[^@/]*$/, '');
  const scheme = /^\w+:\/\//.exec(name)?.[0].length ?? 0;
  const begin = name.indexOf(':', scheme) + 1;
  const end = name.lastIndexOf('@');
  if (begin === 0 || end < begin) return text;
  const host = name.slice(end + 1);
  const isHost = /[/.:]/.test(host) || readAs === 'registry';
  // A digest that isn't begun, or that is wrong after a port and a path.
  if (!isHost && (host === '' || /^\d+\//.test(name.slice(begin)))) return text;
  return text.slice(0, begin) + '*'.repeat(end - begin) + text.slice(end);
}
