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
  /** Index in the text of the first character that does not fit. */
  readonly position: number;

  constructor(text: string, position: number, problem: string) {
    const shown = text.length > 300 ? `${text.slice(0, 300)}…` : text;
    super('ERR_INVALID_REFERENCE', `'${shown}' is not an image reference: ${problem}`, {
      hint: "A reference reads '[host[:port]/]path[:tag][@digest]', such as 'docker.io/library/alpine:3.20'.",
    });
    this.position = position;
  }
}

const maxNameLength = 255;
const hostGrammar =
  /^(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]{1,5})?$/;
const componentGrammar = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagGrammar = /^\w[\w.-]{0,127}$/;

/**
 * Reads an image reference: the grammar of distribution's `reference` package with docker's
 * defaults (`docker.io`, `library/`, and the tag `latest` when neither tag nor digest is given).
 *
 * @throws InvalidReferenceError that points at the first character that does not fit.
 */
export function parseReference(text: string): Reference {
  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) {
    throw new InvalidReferenceError(text, at + 1, `'${digest}' is not a sha256 or sha512 digest`);
  }
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/') && colon > named.lastIndexOf(']');
  const tag = tagged ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagGrammar.test(tag)) {
    throw new InvalidReferenceError(text, colon + 1, `'${tag}' is not a tag`);
  }
  const repository = parseName(text, tagged ? named.slice(0, colon) : named);
  if (tag === undefined && digest === undefined) return { ...repository, tag: 'latest' };
  return {
    ...repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
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
  return full.replace(/^docker\.io\/(?:library\/(?=[^/]+$))?/, '');
}

function parseName(text: string, name: string): Repository {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = /[.:[\]]/.test(first) || first === 'localhost' || /[A-Z]/.test(first);
  const host = hasHost ? normalHost(first) : 'docker.io';
  if (hasHost && !hostGrammar.test(first)) {
    throw new InvalidReferenceError(text, 0, `'${first}' is not a host`);
  }
  const stated = hasHost ? name.slice(slash + 1) : name;
  checkPath(text, stated, hasHost ? slash + 1 : 0);
  const path = host === 'docker.io' && !stated.includes('/') ? `library/${stated}` : stated;
  if (host.length + 1 + path.length > maxNameLength) {
    throw new InvalidReferenceError(
      text,
      maxNameLength,
      `the name is over ${maxNameLength} characters`,
    );
  }
  return { host, path };
}

function normalHost(host: string): string {
  return host === 'index.docker.io' ? 'docker.io' : host;
}

function checkPath(text: string, path: string, start: number): void {
  let position = start;
  for (const component of path.split('/')) {
    if (!componentGrammar.test(component)) {
      const problem =
        component === '' ? 'a path component is empty' : `'${component}' is not a path component`;
      const upper = /[A-Z]/.test(component) ? '; names are lower-case' : '';
      throw new InvalidReferenceError(text, position, problem + upper);
    }
    position += component.length + 1;
  }
}
