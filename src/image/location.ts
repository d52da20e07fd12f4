import { parseReference, type Reference } from '../oci/index.js';
import { InvalidLocationError } from './errors.js';

/** Where an image is copied from or to. */
export type Location =
  | { readonly kind: 'registry'; readonly reference: Reference }
  | { readonly kind: 'store'; readonly reference: Reference }
  /** An OCI image layout (OCI image spec, image-layout.md). */
  | { readonly kind: 'oci'; readonly folder: string; readonly tag: string | undefined }
  /** An OCI image layout as a tar. */
  | { readonly kind: 'oci-archive'; readonly file: string; readonly tag: string | undefined }
  /** What `docker save` writes and `docker load` reads. */
  | {
      readonly kind: 'docker-archive';
      readonly file: string;
      readonly reference: Reference | undefined;
      /** The place of the image in the archive, from 0, for those that have no name. */
      readonly index: number | undefined;
    };

const tagGrammar = /^[A-Za-z0-9]+(?:[-._:@/+]?[A-Za-z0-9]+)*$/;

/**
 * Reads `store:REF`, `oci:FOLDER[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:REF|:@INDEX]`,
 * and `docker://REF` or a plain reference for a registry.
 *
 * @throws InvalidLocationError, InvalidReferenceError
 */
export function parseLocation(text: string): Location {
  return parsed(text, 'registry');
}

/** Reads where an image is unpacked from, as {@link parseLocation}: a plain reference is the store's. */
export function parseUnpackLocation(text: string): Location {
  return parsed(text, 'store');
}

function parsed(text: string, plain: 'registry' | 'store'): Location {
  const [, kind, rest = ''] =
    /^(store|oci|oci-archive|docker-archive|docker(?=:\/\/)):(.*)$/s.exec(text) ?? [];
  switch (kind) {
    case 'docker':
      return { kind: 'registry', reference: parseReference(rest.slice('//'.length)) };
    case 'store':
      return { kind, reference: parseReference(rest) };
    case 'oci': {
      const [folder, tag] = splitPath(text, rest, 'folder');
      return { kind, folder, tag: parseTag(text, tag) };
    }
    case 'oci-archive': {
      const [file, tag] = splitPath(text, rest, 'file');
      return { kind, file, tag: parseTag(text, tag) };
    }
    case 'docker-archive': {
      const [file, name] = splitPath(text, rest, 'file');
      if (name?.startsWith('@')) {
        return { kind, file, reference: undefined, index: parseIndex(text, name) };
      }
      const reference = name === undefined ? undefined : parseReference(name);
      if (reference !== undefined && reference.tag === undefined) {
        throw new InvalidLocationError(text, `'${name}' has no tag, which images have there`);
      }
      return { kind, file, reference, index: undefined };
    }
    default:
      return { kind: plain, reference: parseReference(text) };
  }
}

function splitPath(text: string, rest: string, what: string): [path: string, name?: string] {
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  if (path === '') throw new InvalidLocationError(text, `it names no ${what}`);
  return colon < 0 ? [path] : [path, rest.slice(colon + 1)];
}

function parseIndex(text: string, name: string): number {
  if (/^@\d{1,9}$/.test(name)) return Number(name.slice(1));
  throw new InvalidLocationError(text, `'${name}' is no place in it, such as @0`);
}

function parseTag(text: string, tag: string | undefined): string | undefined {
  if (tag === undefined || tagGrammar.test(tag)) return tag;
  throw new InvalidLocationError(text, `'${tag}' is not a tag`);
}
