import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import * as v from 'valibot';
import type { CheckedServer } from './http-server.js';
import { isBare, taggedImages } from './image-names.js';
import { repoTags } from './image-views.js';
import { loadImages } from './load-images.js';
import { flag, imageParams, signalOf, type EngineParts } from './parts.js';
import { saveImages, type SavedImage } from './save-images.js';
import { dockerStream, streamLines } from './stream-lines.js';

const name = v.pipe(v.string(), v.maxLength(1000));
const getQuery = v.object({
  names: v.pipe(
    v.union([name, v.array(name)]),
    v.transform((names) => [names].flat().flatMap((each) => each.split(','))),
    v.minLength(1),
    v.maxLength(1000),
  ),
});
const loadQuery = v.object({ quiet: flag });

/** Images as archives. */
export function archiveRoutes(app: CheckedServer, parts: EngineParts): void {
  app.get('/images/:name/get', { schema: { params: imageParams } }, ({ params }, reply) =>
    save(parts, [params.name], reply),
  );

  app.get('/images/get', { schema: { querystring: getQuery } }, ({ query }, reply) =>
    save(parts, query.names, reply),
  );

  // Archives are taken in as they come; all else has no body worth mentioning.
  void app.register((own, _options, done) => {
    own.removeAllContentTypeParsers();
    own.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload));
    loadRoute(own, parts);
    done();
  });
}

function loadRoute(app: CheckedServer, parts: EngineParts): void {
  const { rxfer, activity, events, maxArchiveSize } = parts;
  app.post('/images/load', { schema: { querystring: loadQuery } }, ({ query, body, raw }, reply) =>
    streamLines(
      reply,
      activity.untilEnded(
        loadImages((body as Readable | undefined) ?? raw, {
          rxfer,
          activity,
          limit: maxArchiveSize,
          progress: query.quiet ? 'quiet' : 'told',
          onLoaded: (id, loaded) => events.tell('load', id, loaded),
        }),
      ),
      dockerStream,
    ),
  );
}

async function save(
  { images, store, events }: EngineParts,
  names: readonly string[],
  reply: FastifyReply,
): Promise<FastifyReply> {
  const saved = new Map<string, SavedImage>();
  const add = async (wanted: string): Promise<void> => {
    const { image, record } = await images.find(wanted);
    const tags = record === undefined ? [] : repoTags({ ...image, records: [record] });
    const before = saved.get(image.id)?.tags ?? [];
    saved.set(image.id, { image, tags: [...new Set([...before, ...tags])] });
  };
  for (const wanted of names) {
    const all = isBare(wanted) ? await taggedImages(store, wanted).catch(() => []) : [];
    if (all.length === 0) await add(wanted);
    for (const { reference } of all) await add(reference);
  }
  const archive = await saveImages(store, [...saved.values()], signalOf(reply)).catch(
    async (error: unknown) => {
      // One that was removed meanwhile is not damaged, but not there.
      for (const id of saved.keys()) await images.find(id);
      throw error;
    },
  );
  for (const { image, tags } of saved.values()) events.tell('save', image.id, tags[0] ?? image.id);
  return reply.type('application/x-tar').send(archive);
}
