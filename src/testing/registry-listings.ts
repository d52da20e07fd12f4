import { isDigest, mediaTypes } from '../oci/index.js';
import { failure, jsonAnswer, type Answer } from './registry-answers.js';
import { referrersIn, type RepositoryContent } from './registry-content.js';

/** The names of `all` that a page asks for (end-8, and docker's catalog). */
export function namesPage(
  url: URL,
  all: Iterable<string>,
  field: 'tags' | 'repositories',
  rest: Readonly<Record<string, unknown>>,
  pageSize = Infinity,
): Answer {
  const { searchParams } = url;
  const asked = searchParams.get('n') ?? 'Infinity';
  if (!/^(?:\d+|Infinity)$/.test(asked)) {
    return failure(400, 'PAGINATION_NUMBER_INVALID', `n is '${asked}'`);
  }
  const last = searchParams.get('last') ?? '';
  const after = [...all].sort().filter((name) => name > last);
  const size = Math.min(Number(asked), pageSize, after.length);
  const shown = after.slice(0, size);
  const end = shown.at(-1);
  const body = { ...rest, [field]: shown };
  if (size === after.length || end === undefined) return jsonAnswer(200, body);
  const query = new URLSearchParams({ n: String(size), last: end });
  return jsonAnswer(200, body, linkTo(url, query));
}

/** The referrers of a digest, of one type where that is asked for (end-12). */
export function referrersPage(
  url: URL,
  repository: RepositoryContent | undefined,
  subject: string,
  pageSize = Infinity,
): Answer {
  if (!isDigest(subject)) return failure(400, 'DIGEST_INVALID', 'not a digest');
  const type = url.searchParams.get('artifactType');
  const all = (repository === undefined ? [] : referrersIn(repository, subject)).filter(
    ({ artifactType }) => type === null || artifactType === type,
  );
  const begin = Number(url.searchParams.get('after') ?? 0);
  const manifests = all.slice(begin, begin + pageSize);
  const next = new URLSearchParams({ after: String(begin + manifests.length) });
  if (type !== null) next.set('artifactType', type);
  return jsonAnswer(
    200,
    { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests },
    {
      'content-type': mediaTypes.ociIndex,
      ...(type === null ? {} : { 'oci-filters-applied': 'artifactType' }),
      ...(begin + manifests.length < all.length ? linkTo(url, next) : {}),
    },
  );
}

function linkTo({ pathname }: URL, query: URLSearchParams): { link: string } {
  return { link: `<${pathname}?${query.toString()}>; rel="next"` };
}
