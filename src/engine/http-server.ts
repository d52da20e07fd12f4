import {
  fastify,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyTypeProvider,
} from 'fastify';
import type {
  FastifyBaseLogger,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import { firstValueFrom, from, ignoreElements, map, merge, take, tap, timer } from 'rxjs';
import type { SchedulerLike } from 'rxjs';
import * as v from 'valibot';
import { errorFields, RxferError, type LogFields, type Logger } from '../transfer/index.js';
import { checkAccess } from './access.js';
import type { ListenAddress } from './address.js';
import { EngineRequestError } from './errors.js';
import { listenOn, type Listening, type Reach } from './listen.js';

/** Requests are checked by valibot's schemas, which also tell the types of what they let in. */
interface ValibotTypeProvider extends FastifyTypeProvider {
  validator: this['schema'] extends v.GenericSchema ? v.InferOutput<this['schema']> : unknown;
}

/** A server whose requests are checked. */
export type CheckedServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ValibotTypeProvider
>;

/** Bytes of a request's body, but for those that are streamed. */
const maxBody = 64 * 1024;
/** How long answers that are under way may take to end when the server closes, in ms. */
const patience = 2000;

/** What an {@link HttpServer} is built with. */
export interface HttpServerOptions {
  readonly scheduler: SchedulerLike;
  readonly logger: Logger;
  /** Turns what is asked for into what the routes know. Default: as it is. */
  readonly rewriteUrl?: (url: string) => string;
}

/** A server that may be driven by programs, and by pages of its own alone. */
export class HttpServer {
  readonly app: CheckedServer;
  readonly #scheduler: SchedulerLike;
  #listening: Listening | undefined;

  constructor({ scheduler, logger, rewriteUrl = (url) => url }: HttpServerOptions) {
    this.#scheduler = scheduler;
    this.app = fastify({
      bodyLimit: maxBody,
      // A name may have 255 characters, and a digest beside.
      routerOptions: { maxParamLength: 1000 },
      rewriteUrl: ({ url = '/' }) => rewriteUrl(url),
      frameworkErrors: (error, _request, reply) => void refuse(error, reply),
    }).withTypeProvider<ValibotTypeProvider>();
    this.app.setValidatorCompiler(({ schema }) => (data) => {
      const outcome = v.safeParse(schema as unknown as v.GenericSchema, data, { abortEarly: true });
      if (outcome.success) return { value: outcome.output };
      const [{ message, ...issue }] = outcome.issues;
      const where = v.getDotPath({ message, ...issue }) ?? 'request';
      return { error: new EngineRequestError(`${where}: ${message}`, 'Correct the request.') };
    });
    this.app.addHook('onRequest', async ({ headers }) => {
      const address = this.#listening?.address;
      if (address !== undefined) checkAccess(headers, address);
      return Promise.resolve();
    });
    this.app.addHook('onSend', (_request, reply, payload, done) => {
      // Docker's client takes nothing for JSON that says more than that of itself.
      const type = String(reply.getHeader('content-type'));
      if (type.startsWith('application/json'))
        void reply.header('content-type', 'application/json');
      done(null, payload);
    });
    this.app.addHook('onResponse', (request, reply, done) => {
      const facts = { ...factsOf(request), status: reply.statusCode };
      logger.debug({ ...facts, ms: Math.round(reply.elapsedTime) }, 'request answered');
      done();
    });
    this.app.setErrorHandler<FastifyError>((error, request, reply) => {
      const status = statusOf(error);
      if (status >= 500 && !(error instanceof EngineRequestError)) {
        // What rxfer has no error of its own for is a fault in rxfer.
        const level = error instanceof RxferError ? 'warn' : 'error';
        logger[level]({ ...factsOf(request), status, ...errorFields(error) }, 'request failed');
      }
      return refuse(error, reply);
    });
    this.app.setNotFoundHandler((request, reply) =>
      reply.code(404).send({ message: `rxfer has no ${request.method} ${request.originalUrl}` }),
    );
  }

  /** @throws ListenError */
  async listen(address: ListenAddress, reach: Reach): Promise<ListenAddress> {
    await this.app.ready();
    this.#listening = await listenOn(this.app.server, address, reach);
    return this.#listening.address;
  }

  /** Takes no more requests, and hangs up on those who haven't got their answer in two seconds. */
  async close(): Promise<void> {
    const { server } = this.app;
    const closed = this.app.close().then(() => undefined);
    const late$ = timer(patience, this.#scheduler).pipe(
      tap(() => server.closeAllConnections()),
      ignoreElements(),
    );
    await firstValueFrom(
      merge(from(closed), late$).pipe(
        take(1),
        map(() => undefined),
      ),
    );
    await this.#listening?.remove();
    this.#listening = undefined;
  }
}

/** Of its address the path alone: a query may hold the dashboard's secret. */
function factsOf({ method, originalUrl }: FastifyRequest): LogFields {
  return { method, path: originalUrl.replace(/\?.*$/s, '') };
}

/** In the shape that Docker's clients read; as bytes, since fastify says more of a text's type. */
function refuse(error: Error, reply: FastifyReply): FastifyReply {
  const answer = Buffer.from(JSON.stringify({ message: error.message }));
  return reply.code(statusOf(error)).header('content-type', 'application/json').send(answer);
}

/** What a request that failed is answered with. */
export function statusOf(error: unknown): number {
  if (error instanceof EngineRequestError) return error.status;
  if (error instanceof RxferError) return statuses[error.code] ?? 500;
  return (error as { statusCode?: number }).statusCode ?? 500;
}

const statuses: Readonly<Record<string, number>> = {
  ERR_INVALID_REFERENCE: 400,
  ERR_INVALID_PLATFORM: 400,
  ERR_ARCHIVE: 400,
  ERR_NOT_AN_IMAGE: 400,
  ERR_INVALID_CONCURRENCY: 400,
  // On a 401 Docker's client asks its user for a login, on whatever terminal.
  ERR_UNAUTHORIZED: 403,
  ERR_FORBIDDEN: 403,
  ERR_ENGINE_ACCESS: 403,
  ERR_IMAGE_NOT_FOUND: 404,
  ERR_PLATFORM_NOT_FOUND: 404,
  ERR_NOT_FOUND: 404,
  ERR_IMAGE_CONFLICT: 409,
  ERR_RATE_LIMITED: 429,
  ERR_CANCELLED: 503,
};
