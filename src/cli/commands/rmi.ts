import { ImageNotFoundError } from '../../image/index.js';
import { familiarReference, formatReference, parseReference } from '../../oci/index.js';
import { openStore } from '../open-store.js';
import type { StoreOptions } from '../options.js';

/** `rxfer rmi REF…` */
export async function rmi(
  texts: readonly string[],
  options: StoreOptions & { readonly format: 'text' | 'json' },
): Promise<void> {
  const references = texts.map((text) => parseReference(text));
  const store = await openStore(options);
  const removed: string[] = [];
  for (const reference of references) {
    const name = formatReference(reference);
    if (!(await store.images.delete(name))) {
      throw new ImageNotFoundError(name, 'the store', "'rxfer images' lists what there is.");
    }
    removed.push(name);
    if (options.format === 'text') console.log(familiarReference(reference));
  }
  if (options.format === 'json') console.log(JSON.stringify({ removed }));
}
