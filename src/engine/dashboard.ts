import { randomBytes, timingSafeEqual } from 'node:crypto';
import { connect, endWith, ignoreElements, interval, map, merge, takeUntil } from 'rxjs';
import type { Observable, SchedulerLike } from 'rxjs';
import * as v from 'valibot';
import type { Rxfer } from '../image/index.js';
import { sampleProgress, type Logger } from '../transfer/index.js';
import type { Activity } from './activity.js';
import { parseListenAddress } from './address.js';
import { EngineRequestError } from './errors.js';
import { HttpServer, type CheckedServer } from './http-server.js';
import type { ActivityNews } from './news.js';
import { readPageFiles, type PageFile } from './page-files.js';
import { streamLines } from './stream-lines.js';

/** What the dashboard shows and steers. */
export interface DashboardParts {
  readonly rxfer: Rxfer;
  readonly activity: Activity;
  readonly scheduler: SchedulerLike;
  readonly logger: Logger;
}

/** Nothing from elsewhere, and into no other page. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const news = { rate: 5, keepAlive: 15_000 };
const token = v.optional(v.pipe(v.string(), v.maxLength(100)));
const concurrency = v.object({
  limit: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(999_999)),
});

/**
 * A page that shows what moves images, and stops it. It has a server of its own, since an engine on
 * a socket is out of a browser's reach. The page itself anybody may load; what it shows and does
 * takes the token, which stands in the address behind a hash, where no server is told of it.
 */
export class Dashboard {
  readonly #parts: DashboardParts;
  readonly #server: HttpServer;
  readonly #token = randomBytes(24).toString('base64url');

  constructor(parts: DashboardParts) {
    this.#parts = parts;
    this.#server = new HttpServer(parts);
  }

  /** @returns where a browser finds it. */
  async listen(text: string, folder: string): Promise<string> {
    const files = await readPageFiles(folder);
    pageRoutes(this.#server.app, files);
    steeringRoutes(this.#server.app, this.#parts, this.#token);
    const address = await this.#server.listen(parseListenAddress(text), 'loopback');
    if (address.kind === 'unix') return `unix:${address.path}`;
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    return `http://${host}:${address.port}/#${this.#token}`;
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

function pageRoutes(app: CheckedServer, files: ReadonlyMap<string, PageFile>): void {
  app.addHook('onRequest', async (_request, reply) => {
    void reply
      .header('content-security-policy', policy)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .header('cache-control', 'no-store');
    return Promise.resolve();
  });
  for (const [path, { type, bytes }] of files) {
    const url = path === 'index.html' ? '/' : `/${path}`;
    app.get(url, (_request, reply) => reply.type(type).send(bytes));
  }
}

function steeringRoutes(app: CheckedServer, parts: DashboardParts, secret: string): void {
  const { rxfer, activity } = parts;

  app.get('/events', { schema: { querystring: v.object({ token }) } }, async ({ query }, reply) => {
    checkToken(query.token, secret);
    const lines$ = newsLines(parts);
    return streamLines(reply, lines$, {
      type: 'text/event-stream',
      separator: '\n\n',
      begin: 'at once',
    });
  });

  app.post(
    '/operations/:id/cancel',
    { schema: { params: v.object({ id: v.pipe(v.string(), v.maxLength(20)) }) } },
    async ({ params, headers }, reply) => {
      checkToken(headers['x-rxfer-token'], secret);
      if (activity.cancel(params.id)) return reply.code(204).send();
      const hint = 'It has ended by now.';
      throw new EngineRequestError('There is nothing to be cancelled', hint, { status: 404 });
    },
  );

  app.post('/concurrency', { schema: { body: concurrency } }, async ({ body, headers }, reply) => {
    checkToken(headers['x-rxfer-token'], secret);
    rxfer.setConcurrency(body.limit);
    return reply.code(204).send();
  });
}

/** @throws EngineRequestError */
function checkToken(shown: unknown, secret: string): void {
  const [a, b] = [Buffer.from(typeof shown === 'string' ? shown : ''), Buffer.from(secret)];
  if (a.length === b.length && timingSafeEqual(a, b)) return;
  const hint = 'Open the address that rxfer has printed, as a whole.';
  throw new EngineRequestError('The token is missing or wrong', hint, { status: 403 });
}

/** As server-sent events (HTML standard, 9.2), without the blank line. */
function newsLines({ activity, rxfer, scheduler }: DashboardParts): Observable<string> {
  return activity.news$.pipe(
    sampleProgress({ rate: news.rate, scheduler, by: layerOf }),
    connect((activity$) => {
      const end$ = activity$.pipe(ignoreElements(), endWith(undefined));
      const slots$ = rxfer.downloads$.pipe(
        map((state): ActivityNews => ({ kind: 'slots', ...state })),
        takeUntil(end$),
      );
      const alive$ = interval(news.keepAlive, scheduler).pipe(
        map(() => ': still there'),
        takeUntil(end$),
      );
      const news$ = merge(slots$, activity$);
      return merge(alive$, news$.pipe(map((each) => `data: ${JSON.stringify(each)}`)));
    }),
  );
}

function layerOf(each: ActivityNews): string | undefined {
  return 'event' in each && 'id' in each.event ? `${each.id} ${each.event.id}` : undefined;
}
