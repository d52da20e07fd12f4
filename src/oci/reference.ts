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

/** A reference that does not follow the grammar; the message points at the character. */
export class InvalidReferenceError extends RxferError {
  override readonly name = 'InvalidReferenceError';
  /** Index in the text of the first character that does not fit; its length when it ends early. */
  readonly position: number;

  constructor(text: string, position: number, problem: string) {
    super(
      'ERR_INVALID_REFERENCE',
      `'${shown(text)}' is not an image reference: ${problem} (at character ${position + 1})`,
      {
        hint: "A reference reads '[host[:port]/]path[:tag][@digest]', such as 'docker.io/library/alpine:3.20'.",
      },
    );
    this.position = position;
  }
}

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
  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/') && colon > named.lastIndexOf(']');
  const repository = parseName(text, tagged ? named.slice(0, colon) : named);
  const tag = tagged ? parseTag(text, named, colon + 1) : undefined;
  const digest = at < 0 ? undefined : parseDigestPart(text, at + 1);
  if (tag === undefined && digest === undefined) return { ...repository, tag: 'latest' };
  return {
    ...repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/**
 * Reads the name of a repository: a reference without tag and digest.
 *
 * @throws InvalidReferenceError
 */
export function parseRepository(text: string): Repository {
  const { host, path } = parseReference(text);
  const at = text.indexOf('@');
  const colon = text.lastIndexOf(':', at < 0 ? text.length : at);
  const isTag = colon > text.lastIndexOf('/') && colon > text.lastIndexOf(']');
  if (at < 0 && !isTag) return { host, path };
  const position = isTag ? colon : at;
  throw new InvalidReferenceError(text, position, 'a repository has no tag and no digest');
}

/**
 * Reads the name of a registry, `name[:port]`, as it stands before a slash in a reference.
 *
 * @throws InvalidReferenceError
 */
export function parseHost(text: string): string {
  checkHost(text, text);
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

function parseName(text: string, name: string): Repository {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = /[.:[\]]/.test(first) || first === 'localhost' || /[A-Z]/.test(first);
  if (hasHost) checkHost(text, first);
  const host = hasHost ? normalHost(first) : 'docker.io';
  const stated = hasHost ? name.slice(slash + 1) : name;
  checkPath(text, stated, hasHost ? slash + 1 : 0);
  if (identifierGrammar.test(text)) {
    throw new InvalidReferenceError(text, 0, 'it is the id of an image, not a name');
  }
  const path = host === 'docker.io' && !stated.includes('/') ? `library/${stated}` : stated;
  if (host.length + 1 + path.length > maxNameLength) {
    const problem = `the name is over ${maxNameLength} characters`;
    throw new InvalidReferenceError(text, Math.min(maxNameLength, name.length), problem);
  }
  return { host, path };
}

function normalHost(host: string): string {
  return host === 'index.docker.io' ? 'docker.io' : host;
}

function checkHost(text: string, host: string): void {
  const fitting = hostGrammar.exec(host)?.[0].length ?? 0;
  // An address may follow the grammar and be none, such as 1.2.3.4.5 or port 99999.
  if (fitting === host.length && URL.canParse(`https://${host}/`)) return;
  const position = fitting === host.length ? 0 : fitting;
  throw new InvalidReferenceError(text, position, `'${shown(host)}' is not a host`);
}

function checkPath(text: string, path: string, start: number): void {
  let position = start;
  for (const component of path.split('/')) {
    const fitting = componentGrammar.exec(component)?.[0].length ?? 0;
    if (component === '') throw new InvalidReferenceError(text, position, 'a part is empty');
    if (fitting < component.length) {
      const separator = fitting === 0 ? null : separatorGrammar.exec(component.slice(fitting));
      const bad = fitting + (separator?.[0].length ?? 0);
      const upper = /[A-Z]/.test(component) ? '; names are lower-case' : '';
      const problem = `'${shown(component)}' is not a part of a path${upper}`;
      throw new InvalidReferenceError(text, position + bad, problem);
    }
    position += component.length + 1;
  }
}

function parseTag(text: string, named: string, start: number): string {
  const tag = named.slice(start);
  const fitting = tagGrammar.exec(tag)?.[0].length ?? 0;
  if (fitting === tag.length && tag !== '') return tag;
  throw new InvalidReferenceError(text, start + fitting, `'${shown(tag)}' is not a tag`);
}

function parseDigestPart(text: string, start: number): Digest {
  const digest = text.slice(start);
  if (isDigest(digest)) return digest;
  const begun = algorithms.map((algorithm) => commonLength(algorithm, digest));
  const matched = digestGrammars.map((grammar) => grammar.exec(digest)?.[0].length ?? 0);
  const fitting = Math.max(...begun, ...matched);
  const problem = `'${shown(digest)}' is not a sha256 or sha512 digest`;
  throw new InvalidReferenceError(text, start + fitting, problem);
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Safe to print, of the same length: a password that somebody put before a host is hidden. */
function shown(text: string): string {
  const open = text.slice(0, 300).replace(/\p{C}/gu, '?');
  const hidden = open.replace(
    /^((?:\w+:\/\/)?[^/@]*?:)([^/]*)(?=@[^@]*[/.])/,
    (_, before: string, secret: string) => before + '*'.repeat(secret.length),
  );
  return text.length > 300 ? `${hidden}…` : hidden;
}
