import * as v from 'valibot';
import { EngineRequestError } from './errors.js';

/** What is asked for, by the filter's name: any of the values fits, of all filters. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** Clients write `{"name":["value"]}`, or `{"name":{"value":true}}`. */
const schema = v.pipe(
  v.string(),
  v.parseJson(),
  v.record(v.string(), v.union([v.array(v.string()), v.record(v.string(), v.boolean())])),
);

/** Reads the parameter `filters`. @throws EngineRequestError also for a filter that isn't known. */
export function parseFilters(text: string | undefined, known: readonly string[]): Filters {
  if (text === undefined || text === '') return new Map();
  const outcome = v.safeParse(schema, text);
  if (!outcome.success) {
    throw new EngineRequestError('The filters are malformed', 'Write {"name":["value"]}.');
  }
  const filters = new Map<string, string[]>();
  for (const [name, values] of Object.entries(outcome.output)) {
    if (!known.includes(name)) {
      const hint = `Those there are: ${known.join(', ')}.`;
      throw new EngineRequestError(`invalid filter '${name.slice(0, 100)}'`, hint);
    }
    filters.set(
      name,
      Array.isArray(values) ? values : Object.keys(values).filter((key) => values[key]),
    );
  }
  return filters;
}

/** Tells whether one of the filter's values fits, or there are none. */
export function fits(filters: Filters, name: string, test: (value: string) => boolean): boolean {
  const values = filters.get(name);
  return values === undefined || values.length === 0 || values.some(test);
}

/** Whether a text fits a pattern as of a shell: `*` and `?` stop at slashes. */
export function matchesPattern(text: string, pattern: string): boolean {
  const [parts, patterns] = [text.split('/'), pattern.split('/')];
  if (parts.length !== patterns.length) return false;
  return parts.every((part, index) => matchesPart(part, patterns[index] ?? ''));
}

/** In time of the one's length times the other's, whatever is asked for. */
function matchesPart(text: string, pattern: string): boolean {
  let [at, place] = [0, 0];
  /** Where the last star stands, and where what follows it began. */
  let [star, begun] = [-1, 0];
  while (at < text.length) {
    if (pattern[place] === '*') {
      [star, begun] = [place++, at];
    } else if (pattern[place] === '?' || pattern[place] === text[at]) {
      at++;
      place++;
    } else if (star >= 0) {
      [place, at] = [star + 1, ++begun];
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(place));
}
