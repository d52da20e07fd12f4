import { DockerArchiveSource } from './docker-archive-source.js';
import { DockerArchiveTarget } from './docker-archive-target.js';
import type { Location } from './location.js';
import { OciArchiveSource, OciArchiveTarget } from './oci-archive.js';
import { OciLayout } from './oci-layout.js';
import type { ImageSource, ImageTarget } from './seams.js';

/** A folder or file that holds images. */
export type FileLocation = Exclude<Location, { kind: 'store' | 'registry' }>;

/** What is read from a folder or file. */
export function fileSource(location: FileLocation): ImageSource {
  switch (location.kind) {
    case 'oci':
      return new OciLayout(location.folder, location.tag);
    case 'oci-archive':
      return new OciArchiveSource(location.file, location.tag);
    case 'docker-archive':
      return new DockerArchiveSource(location.file, location);
  }
}

/** What is written to a folder or file. */
export function fileTarget(location: FileLocation): ImageTarget {
  switch (location.kind) {
    case 'oci':
      return new OciLayout(location.folder, location.tag);
    case 'oci-archive':
      return new OciArchiveTarget(location.file, location.tag);
    case 'docker-archive':
      return new DockerArchiveTarget(location.file, location.reference);
  }
}
