import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import { concat, concatMap, tap, type Observable } from 'rxjs';
import * as v from 'valibot';
import type { MoveOptions, PullEvent } from '../image/index.js';
import {
  familiarReference,
  formatReference,
  parsePlatform,
  parseReference,
  parseRepository,
  type Reference,
  type Repository,
} from '../oci/index.js';
import { dockerLines } from '../progress/index.js';
import type { Credential } from '../registry/index.js';
import { EngineRequestError } from './errors.js';
import type { CheckedServer } from './http-server.js';
import { isBare, taggedImages, withTag } from './image-names.js';
import { imageParams, shortText, type EngineParts } from './parts.js';
import { parseRegistryAuth } from './registry-auth.js';
import { dockerStream, streamLines } from './stream-lines.js';

const createQuery = v.object({
  fromImage: shortText,
  fromSrc: shortText,
  tag: shortText,
  platform: shortText,
});
const pushQuery = v.object({ tag: shortText });

/** The images come and go. */
export function moveRoutes(app: CheckedServer, parts: EngineParts): void {
  app.post('/images/create', { schema: { querystring: createQuery } }, async (request, reply) => {
    const { fromImage = '', fromSrc = '', tag = '', platform = '' } = request.query;
    if (fromSrc !== '') {
      const hint = 'Name an image with fromImage, or load an archive that docker save wrote.';
      throw new EngineRequestError('rxfer moves images and makes none', hint, { status: 501 });
    }
    if (fromImage === '') {
      throw new EngineRequestError('There is no image to be pulled', 'Name one with fromImage.');
    }
    const options = platform === '' ? {} : { platform: parsePlatform(platform) };
    const credential = credentialOf(request.headers);
    const isOne = tag !== '' || !isBare(fromImage);
    const lines$ = isOne
      ? pull(parts, parseReference(withTag(fromImage, tag)), options, credential)
      : pullAllTags(parts, parseRepository(fromImage), options, credential);
    return streamProgress(reply, lines$);
  });

  app.post(
    '/images/:name/push',
    { schema: { params: imageParams, querystring: pushQuery } },
    async (request, reply) => {
      const { tag = '' } = request.query;
      const references = await pushed(parts, request.params.name, tag);
      const credential = credentialOf(request.headers);
      const pushes = references.map((reference) => push(parts, reference, credential));
      return streamProgress(reply, concat(...pushes));
    },
  );
}

function pull(
  { rxfer, clients, activity, events }: EngineParts,
  reference: Reference,
  options: MoveOptions,
  credential: Credential | undefined,
): Observable<string> {
  const pull$ = clients.use(reference.host, credential, (registry) =>
    rxfer.pull(formatReference(reference), { ...options, registry }),
  );
  const name = familiarReference(reference);
  return activity.track('pull', name, pull$.pipe(tap(release))).pipe(
    tap((event) => {
      if (event.kind === 'result') events.tell('pull', name, name);
    }),
    dockerLines(),
  );
}

/** One after the other, as the registry names them; the first that fails is the last. */
function pullAllTags(
  parts: EngineParts,
  repository: Repository,
  options: MoveOptions,
  credential: Credential | undefined,
): Observable<string> {
  const name = formatReference(repository);
  return parts.clients
    .use(repository.host, credential, (registry) => parts.rxfer.tags(name, { registry }))
    .pipe(concatMap((tag) => pull(parts, { ...repository, tag }, options, credential)));
}

function push(
  { rxfer, clients, activity, events }: EngineParts,
  reference: Reference,
  credential: Credential | undefined,
): Observable<string> {
  const pushedTo = formatReference(reference);
  const push$ = clients.use(reference.host, credential, (registry) =>
    rxfer.push(pushedTo, { registry }),
  );
  const name = familiarReference(reference);
  return activity.track('push', name, push$).pipe(
    tap((event) => {
      if (event.kind === 'result') events.tell('push', name, name);
    }),
    dockerLines({ pushedTo }),
  );
}

/** Without a tag, all images of that repository. @throws ImageNotFoundError */
async function pushed(
  { images, store }: EngineParts,
  name: string,
  tag: string,
): Promise<Reference[]> {
  const all = tag === '' && isBare(name) ? await taggedImages(store, name) : [];
  if (all.length > 0) return all.map(({ reference }) => parseReference(reference));
  const reference = parseReference(withTag(name, tag));
  await images.find(formatReference(reference));
  return [reference];
}

function credentialOf(headers: IncomingHttpHeaders): Credential | undefined {
  const header = headers['x-registry-auth'];
  return parseRegistryAuth(Array.isArray(header) ? header[0] : header);
}

function release(event: PullEvent): void {
  if (event.kind === 'result') event.release();
}

function streamProgress(reply: FastifyReply, lines$: Observable<string>): Promise<FastifyReply> {
  return streamLines(reply, lines$, dockerStream);
}
