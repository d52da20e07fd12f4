/**
 * What registries may lack, or do in their own way:
 *
 * - `automaticMount`: a mount without `from` (end-11) finds the blob in any repository.
 * - `chunkedUpload`: PATCH (end-5) is taken.
 * - `delete`: tags, manifests and blobs can be deleted (end-9, end-10).
 * - `mount`: a mount with `from` (end-11) is done; else an upload is opened in its place.
 * - `ranges`: blobs can be read from an offset.
 * - `referrers`: there is the referrers API (end-12).
 * - `uploadStatus`: an upload tells how far it is (end-13).
 */
export type RegistryFeature =
  'automaticMount' | 'chunkedUpload' | 'delete' | 'mount' | 'ranges' | 'referrers' | 'uploadStatus';

/** How the registry that is played differs from one that does everything. */
export interface RegistryTraits {
  /** What it lacks. Default: nothing. */
  readonly without?: readonly RegistryFeature[];
  /** Bytes that each chunk of an upload but the last must have (OCI-Chunk-Min-Length). Default 0. */
  readonly chunkMinLength?: number;
  /** Entries on a page of tags, repositories or referrers, at most. Default: all. */
  readonly pageSize?: number;
  /** Whether an upload's Location is a path or a whole address. Default `relative`. */
  readonly locations?: 'relative' | 'absolute';
}
