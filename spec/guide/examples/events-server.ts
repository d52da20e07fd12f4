import { PassThrough } from 'node:stream';
import Fastify, { type FastifyInstance } from 'fastify';
import { tap } from 'rxjs';
import type { Rxfer } from 'rxfer';
import { toServerSentEvents } from 'rxfer/progress';

const querystring = {
  type: 'object',
  required: ['reference'],
  properties: { reference: { type: 'string', maxLength: 500 } },
};

/** `GET /events?reference=…` pulls an image and streams how far it is. */
export function createEventsServer(rxfer: Rxfer): FastifyInstance {
  const server = Fastify();
  server.get<{ Querystring: { reference: string } }>(
    '/events',
    { schema: { querystring } },
    (request, reply) => {
      const body = new PassThrough();
      const messages$ = rxfer.pull(request.query.reference).pipe(
        tap((event) => {
          if (event.kind === 'result') event.release();
        }),
        toServerSentEvents(),
      );
      const subscription = messages$.subscribe({
        next: (message) => body.write(message),
        complete: () => body.end(),
      });
      // A reader that leaves cancels the pull, unless another shares it.
      body.once('close', () => subscription.unsubscribe());
      return reply.type('text/event-stream').header('cache-control', 'no-cache').send(body);
    },
  );
  return server;
}
