import { ImageNotFoundError, removeImage } from '../../image/index.js';
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
    const gone = await removeImage(store, name);
    if (gone.length === 0) {
      throw new ImageNotFoundError(name, 'the store', "'rxfer images' lists what there is.");
    }
    removed.push(...gone);
    if (options.format === 'json') continue;
    for (const each of gone) console.log(familiarReference(parseReference(each)));
  }
  if (options.format === 'json') console.log(JSON.stringify({ removed }));
}
