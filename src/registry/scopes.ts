import type { Repository } from '../oci/index.js';

/** What a token is to allow, such as `repository:library/alpine:pull` (token spec, scope). */
export type Scope = string;

/** Reading from a repository. */
export function pullScope(repository: Pick<Repository, 'path'>): Scope {
  return `repository:${repository.path}:pull`;
}

/** Writing to a repository, and reading what is there. */
export function pushScope(repository: Pick<Repository, 'path'>): Scope {
  return `repository:${repository.path}:pull,push`;
}

/** Removing from a repository, and reading what is there. */
export function deleteScope(repository: Pick<Repository, 'path'>): Scope {
  return `repository:${repository.path}:delete,pull`;
}

/** Listing the repositories of a registry. */
export const catalogScope: Scope = 'registry:catalog:*';

/** Tells whether all that is wanted is reading from repositories, as strangers often may. */
export function isPullOnly(scopes: readonly Scope[]): boolean {
  return scopes.length > 0 && scopes.every((scope) => /^repository:[^ ]+:pull$/.test(scope));
}

/** The path of the repository that it is about; the first where there are several. */
export function repositoryOf(scopes: readonly Scope[]): string | undefined {
  return /^repository:(.+):[^:]*$/.exec(scopes[0] ?? '')?.[1];
}

/** All that the scopes allow, each resource once, sorted; equal sets give equal lists. */
export function mergeScopes(scopes: readonly Scope[]): Scope[] {
  const actionsOf = new Map<string, Set<string>>();
  for (const scope of scopes.flatMap((list) => list.split(/\s+/)).filter((each) => each !== '')) {
    const colon = scope.lastIndexOf(':');
    const resource = scope.slice(0, Math.max(0, colon));
    const actions = actionsOf.get(resource) ?? new Set();
    for (const action of scope.slice(colon + 1).split(',')) actions.add(action);
    actionsOf.set(resource, actions);
  }
  return [...actionsOf]
    .map(([resource, actions]) => [resource, [...actions].sort().join(',')])
    .map((parts) => parts.filter((part) => part !== '').join(':'))
    .sort();
}
