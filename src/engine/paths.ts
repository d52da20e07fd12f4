/**
 * The versions of the Engine API that are answered: those of Docker 1.10 to 25. What there is of the
 * oldest is what skopeo asks for in `docker-daemon:`.
 */
export const apiVersions = { oldest: '1.22', newest: '1.44' } as const;

const actions = 'json|history|get|push|tag';

/**
 * The path that the routes know: without the version, and with the name of an image, which may
 * have slashes, in one piece.
 */
export function routedPath(url: string): string {
  const question = url.indexOf('?');
  const query = question < 0 ? '' : url.slice(question);
  const plain = (question < 0 ? url : url.slice(0, question)).replace(/^\/v\d+\.\d+(?=\/)/, '');
  const [, name, action = ''] = new RegExp(`^/images/(.+?)(/(?:${actions}))?$`).exec(plain) ?? [];
  // These are no names but actions of their own.
  if (name === undefined || (action === '' && /^(?:json|create|load|get|search|prune)$/.test(name)))
    return plain + query;
  // Some clients encode the slashes of names, others don't.
  return `/images/${name.replace(/\//g, '%2F')}${action}${query}`;
}

/** Whether a request is for a version that isn't answered. @returns what is wrong with it. */
export function versionProblem(url: string): string | undefined {
  const [, version] = /^\/v(\d+\.\d+)\//.exec(url) ?? [];
  if (version === undefined) return undefined;
  if (compare(version, apiVersions.newest) > 0) {
    return `client version ${version} is too new. Maximum supported API version is ${apiVersions.newest}`;
  }
  if (compare(version, apiVersions.oldest) < 0) {
    return `client version ${version} is too old. Minimum supported API version is ${apiVersions.oldest}`;
  }
  return undefined;
}

function compare(a: string, b: string): number {
  const [[majorA = 0, minorA = 0], [majorB = 0, minorB = 0]] = [a, b].map((version) =>
    version.split('.').map(Number),
  ) as [number[], number[]];
  return majorA - majorB || minorA - minorB;
}
