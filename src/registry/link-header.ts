const link = /<([^<>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s";,]*))?)*)/g;
const relation = /;\s*rel\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))/i;

/**
 * The address that a `Link` header (RFC 8288) gives as the next page, as it stands there: it may
 * be relative. `undefined` where there is none.
 */
export function nextLink(header: string | readonly string[] | undefined): string | undefined {
  for (const value of [header ?? []].flat()) {
    for (const [, address, parameters = ''] of value.matchAll(link)) {
      const [, quoted, plain] = relation.exec(parameters) ?? [];
      const relations = (quoted ?? plain ?? '').toLowerCase().split(/\s+/);
      if (relations.includes('next')) return address;
    }
  }
  return undefined;
}
