import * as v from 'valibot';
import { pruneImages, removeImage, tagImage } from './change-images.js';
import type { CheckedServer } from './http-server.js';
import { isBare, withTag } from './image-names.js';
import { imageHistory, imageInspection } from './image-views.js';
import { listImages, pruneTest } from './list-images.js';
import { flag, imageParams, shortText, type EngineParts } from './parts.js';

const filters = v.optional(v.pipe(v.string(), v.maxLength(10_000)));
const listQuery = v.object({ filters, 'shared-size': flag });
const pruneQuery = v.object({ filters });
const removeQuery = v.object({ force: flag, noprune: flag });
const tagQuery = v.object({ repo: v.pipe(v.string(), v.maxLength(1000)), tag: shortText });

/** What images there are, and how they are called. */
export function imageRoutes(app: CheckedServer, parts: EngineParts): void {
  const { images, sizes, scheduler } = parts;

  app.get('/images/json', { schema: { querystring: listQuery } }, ({ query }) =>
    listImages(images, sizes, {
      filters: query.filters,
      sharedSize: query['shared-size'],
      now: scheduler.now(),
    }),
  );

  app.post('/images/prune', { schema: { querystring: pruneQuery } }, ({ query }) =>
    pruneImages(parts, pruneTest(query.filters, scheduler.now())),
  );

  app.get('/images/:name/json', { schema: { params: imageParams } }, async ({ params }) => {
    const { image } = await images.find(params.name);
    return imageInspection(image, await sizes.sum(image.chainIDs));
  });

  app.get('/images/:name/history', { schema: { params: imageParams } }, async ({ params }) => {
    const { image } = await images.find(params.name);
    return imageHistory(image, await sizes.of(image.chainIDs));
  });

  app.delete(
    '/images/:name',
    { schema: { params: imageParams, querystring: removeQuery } },
    ({ params, query }) =>
      removeImage(parts, params.name, {
        severalNames: query.force ? 'remove' : 'refuse',
        space: query.noprune ? 'keep' : 'free',
      }),
  );

  app.post(
    '/images/:name/tag',
    { schema: { params: imageParams, querystring: tagQuery } },
    async ({ params, query }, reply) => {
      const { repo, tag = '' } = query;
      const named = withTag(repo, tag === '' && isBare(repo) ? 'latest' : tag);
      await tagImage(parts, params.name, named);
      return reply.code(201).send();
    },
  );
}
