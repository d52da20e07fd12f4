import * as v from 'valibot';
import { EngineRequestError } from './errors.js';
import { eventFilters } from './engine-events.js';
import { parseFilters } from './filters.js';
import type { CheckedServer } from './http-server.js';
import { shortText, type EngineParts } from './parts.js';
import { streamLines } from './stream-lines.js';

const query = v.object({
  since: shortText,
  until: shortText,
  filters: v.optional(v.pipe(v.string(), v.maxLength(10_000))),
});

/** What happens to images. */
export function eventRoutes(app: CheckedServer, { events }: EngineParts): void {
  app.get('/events', { schema: { querystring: query } }, async (request, reply) => {
    const { since, until, filters } = request.query;
    const period = { since: timeOf(since), until: timeOf(until) };
    const lines$ = events.watch(period, parseFilters(filters, eventFilters));
    return streamLines(reply, lines$, {
      type: 'application/json',
      separator: '\n',
      begin: 'at once',
    });
  });
}

/** Seconds since 1970, with or without a fraction, in ms. */
function timeOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text === '0') return text === '0' ? 0 : undefined;
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  throw new EngineRequestError(`'${text}' is no time`, 'Write seconds since 1970.');
}
