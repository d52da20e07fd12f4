import * as v from 'valibot';
import { eventFilters } from './engine-events.js';
import { parseFilters } from './filters.js';
import type { CheckedServer } from './http-server.js';
import { parseMoment } from './moments.js';
import { shortText, type EngineParts } from './parts.js';
import { streamLines } from './stream-lines.js';

const query = v.object({
  since: shortText,
  until: shortText,
  filters: v.optional(v.pipe(v.string(), v.maxLength(10_000))),
});

/** What happens to images. */
export function eventRoutes(app: CheckedServer, { events, scheduler }: EngineParts): void {
  app.get('/events', { schema: { querystring: query } }, async (request, reply) => {
    const { since, until, filters } = request.query;
    const now = scheduler.now();
    const period = { since: timeOf(since, now), until: timeOf(until, now) };
    const lines$ = events.watch(period, parseFilters(filters, eventFilters));
    return streamLines(reply, lines$, {
      type: 'application/json',
      separator: '\n',
      begin: 'at once',
    });
  });
}

function timeOf(text: string | undefined, now: number): number | undefined {
  return text === undefined || text === '' ? undefined : parseMoment(text, now);
}
