import { parseReference, type Reference } from '../oci/index.js';
import { InvalidLocationError } from './errors.js';

/** Where an image is copied from or to. */
export type Location =
  | { readonly kind: 'registry'; readonly reference: Reference }
  | { readonly kind: 'store'; readonly reference: Reference }
  /** An OCI image layout (OCI image spec, image-layout.md). */
  | { readonly kind: 'oci'; readonly folder: string; readonly tag: string | undefined };

const tagGrammar = /^[A-Za-z0-9]+(?:[-._:@/+]?[A-Za-z0-9]+)*$/;

/**
 * Reads `store:REF`, `oci:FOLDER[:TAG]` or a registry reference.
 *
 * @throws InvalidLocationError, InvalidReferenceError
 */
export function parseLocation(text: string): Location {
  if (text.startsWith('store:')) {
    return { kind: 'store', reference: parseReference(text.slice('store:'.length)) };
  }
  if (!text.startsWith('oci:')) return { kind: 'registry', reference: parseReference(text) };
  const [folder = '', ...rest] = text.slice('oci:'.length).split(':');
  if (folder === '') throw new InvalidLocationError(text, 'it names no folder');
  if (rest.length === 0) return { kind: 'oci', folder, tag: undefined };
  const tag = rest.join(':');
  if (!tagGrammar.test(tag)) throw new InvalidLocationError(text, `'${tag}' is not a tag`);
  return { kind: 'oci', folder, tag };
}
