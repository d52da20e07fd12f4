import { parseIndex, type Descriptor, type Digest, type Repository } from '../oci/index.js';
import { headerOf } from './answers.js';
import type { ReferrerOptions } from './client.js';
import { addressOf } from './endpoints.js';
import type { ManifestFetcher } from './fetch-manifest.js';
import type { ContentLister, Listing } from './list-content.js';
import { referrersTag } from './referrers-tags.js';
import { pullScope } from './scopes.js';
import { isMissing } from './try-hosts.js';

/** What referrers are listed by. */
export interface ReferrerSources {
  readonly lister: ContentLister;
  readonly manifests: ManifestFetcher;
}

/** end-12, or the tag in place of it, as Lister.referrers describes it. */
export async function* listReferrers(
  { lister, manifests }: ReferrerSources,
  repository: Repository,
  subject: Digest,
  options: ReferrerOptions,
): AsyncGenerator<readonly Descriptor[], void, undefined> {
  const { artifactType, signal } = options;
  const { host, path } = repository;
  const listing: Listing<Descriptor> = {
    host,
    address: (endpoint) => {
      const url = addressOf(endpoint, repository, `referrers/${subject}`);
      if (artifactType !== undefined) url.searchParams.set('artifactType', artifactType);
      return url;
    },
    scopes: [pullScope(repository)],
    reference: `${host}/${path}@${subject}`,
    parse: (bytes) => parseIndex(bytes).manifests,
    options,
  };
  try {
    for await (const { entries, answer } of lister.pages(listing)) {
      const applied = headerOf(answer, 'oci-filters-applied')?.split(/\s*,\s*/) ?? [];
      yield applied.includes('artifactType') ? entries : ofType(entries, artifactType);
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
    yield ofType(await tagged(manifests, repository, subject, signal), artifactType);
  }
}

/** What the tag leads to that clients keep where the registry has no list (Referrers Tag Schema). */
async function tagged(
  manifests: ManifestFetcher,
  { host, path }: Repository,
  subject: Digest,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  try {
    const { bytes } = await manifests.fetch({ host, path, tag: referrersTag(subject) }, signal);
    return parseIndex(bytes).manifests;
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function ofType(entries: readonly Descriptor[], type: string | undefined): readonly Descriptor[] {
  return type === undefined ? entries : entries.filter(({ artifactType }) => artifactType === type);
}
