/** One way to authenticate that a server offers in `WWW-Authenticate` (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case, such as `bearer`. */
  readonly scheme: string;
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Reads the challenges of one or more `WWW-Authenticate` headers, each of which may hold several.
 * What follows the first character that doesn't fit the grammar is left out.
 */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const headers = header === undefined || typeof header === 'string' ? [header ?? ''] : header;
  return headers.flatMap(parseHeader);
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const schemeGrammar = new RegExp(`[\\s,]*(${token})(?=[\\s,]|$)`, 'y');
const parameterGrammar = new RegExp(
  `[\\s,]*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s",=]+(?=[\\s,]|$)))`,
  'y',
);
// A lone credential-like value, as in `Negotiate YII=`; no scheme that rxfer speaks has one.
const token68Grammar = /[ \t]+[\w.~+/-]+=*(?=\s*(?:,|$))/y;

function parseHeader(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let position = 0;
  const next = (grammar: RegExp): RegExpExecArray | null => {
    grammar.lastIndex = position;
    const match = grammar.exec(header);
    if (match !== null) position = grammar.lastIndex;
    return match;
  };
  for (let scheme = next(schemeGrammar); scheme !== null; scheme = next(schemeGrammar)) {
    const parameters = new Map<string, string>();
    let parameter = next(parameterGrammar);
    if (parameter === null) next(token68Grammar);
    for (; parameter !== null; parameter = next(parameterGrammar)) {
      const [, name = '', quoted, plain = ''] = parameter;
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
    }
    challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters });
  }
  return challenges;
}
