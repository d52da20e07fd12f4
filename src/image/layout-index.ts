import type { Descriptor } from '../oci/index.js';
import { referrerOf, type FetchedManifest } from '../registry/index.js';
import { ImageNotFoundError } from './errors.js';

/** The annotation that an image's tag stands under (OCI image spec, annotations.md). */
export const nameAnnotation = 'org.opencontainers.image.ref.name';

/** The version of layouts that is written (OCI image spec, image-layout.md, oci-layout). */
export const layoutVersion = '1.0.0';

/** What names an image in a layout: to us, and to containerd. */
const nameAnnotations: readonly string[] = [nameAnnotation, 'io.containerd.image.name'];

/**
 * A referrer as an entry of a layout's index, without a name: its annotations are those of its
 * manifest, and whoever may push a referrer mustn't choose what is found under a tag.
 */
export function referrerEntry(manifest: FetchedManifest): Descriptor {
  const { annotations = {}, ...bare } = referrerOf(manifest)?.entry ?? manifest.descriptor;
  const kept = Object.entries(annotations).filter(([key]) => !nameAnnotations.includes(key));
  return kept.length === 0 ? bare : { ...bare, annotations: Object.fromEntries(kept) };
}

/** The image of a tag in a layout's index; without a tag, the only one. @throws ImageNotFoundError */
export function chooseByTag(
  entries: readonly Descriptor[],
  tag: string | undefined,
  where: string,
): Descriptor {
  const named = entries.filter(
    ({ annotations }) => tag === undefined || annotations?.[nameAnnotation] === tag,
  );
  const [descriptor] = named;
  if (descriptor !== undefined && named.length === 1) return descriptor;
  const tags = entries.map(({ annotations }) => annotations?.[nameAnnotation]).filter(Boolean);
  const hint = `Its tags are: ${tags.join(', ') || 'none'}.`;
  throw new ImageNotFoundError(tag ?? 'without a tag', where, hint);
}
