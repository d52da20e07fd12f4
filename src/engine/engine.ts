import { asyncScheduler, type Observable, type SchedulerLike } from 'rxjs';
import type { Rxfer } from '../image/index.js';
import type { ImageProgressEvent } from '../progress/index.js';
import { silentLogger, type Logger } from '../transfer/index.js';
import { Activity } from './activity.js';
import { formatListenAddress, parseListenAddress } from './address.js';
import { absentRoutes } from './absent-routes.js';
import { archiveRoutes } from './archive-routes.js';
import type { EngineStore } from './change-images.js';
import { Dashboard } from './dashboard.js';
import { EngineEvents } from './engine-events.js';
import { EngineRequestError } from './errors.js';
import { eventRoutes } from './event-routes.js';
import { HttpServer } from './http-server.js';
import { imageRoutes } from './image-routes.js';
import { LayerSizes } from './layer-sizes.js';
import type { Reach } from './listen.js';
import { loginRoutes } from './login-routes.js';
import { moveRoutes } from './move-routes.js';
import type { OperationKind } from './news.js';
import type { EngineParts } from './parts.js';
import { apiVersions, routedPath, versionProblem } from './paths.js';
import { RegistryClients, type Connect } from './registry-clients.js';
import { StoredImages } from './stored-images.js';
import { systemRoutes } from './system-routes.js';

/** What {@link createEngine} is built with. */
export interface EngineOptions {
  /** What moves the images. Its owner's other pulls share their transfers with the engine's. */
  readonly rxfer: Rxfer;
  /** The store of `rxfer`. One that can collect frees the space of images that are removed. */
  readonly store: EngineStore;
  /**
   * Makes the clients that requests are fulfilled with, which show themselves as whoever asks is
   * logged in. The engine closes them.
   */
  readonly connect: Connect;
  /** What the engine says that it is. Default `0`. */
  readonly version?: string;
  /** Bytes that an archive may have that is loaded, also uncompressed. Default 64 GiB. */
  readonly maxArchiveSize?: number;
  /** The time of events and of the patience on closing. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** Told of what clients ask for and what becomes of it. Default: nobody. */
  readonly logger?: Logger;
}

/** How an {@link Engine} listens. */
export interface EngineListenOptions {
  /** Whether others than this machine may reach it over tcp. Default `loopback`. */
  readonly reach?: Reach;
}

/** The part of the Docker Engine API that is about images, served over HTTP. */
export interface Engine {
  /**
   * Listens, once, on `unix:PATH`, which its user alone may connect to, or `tcp:HOST:PORT`.
   * Resolves with the address as Docker's clients take it (`-H`, `DOCKER_HOST`).
   *
   * @throws InvalidAddressError, or ListenError, also for an address that others can reach, unless that is allowed.
   */
  listen(address: string, options?: EngineListenOptions): Promise<string>;
  /**
   * The same events; what moves is shown in the dashboard, and can be cancelled there, as what
   * clients ask for. Each subscription is an operation of its own. Cold; completes and errors with
   * `events$`, and with a CancelledError when it is cancelled there or the engine closes.
   */
  track<E extends ImageProgressEvent>(
    what: OperationKind,
    reference: string,
    events$: Observable<E>,
  ): Observable<E>;
  /**
   * Serves, once, a page that shows what moves, cancels it and changes the concurrency, on
   * `tcp:127.0.0.1:PORT`. Resolves with its address, whose part behind the hash is a secret that
   * lets whoever has it in.
   *
   * @param folder - The page as it is built: `dist/dashboard` of this package.
   * @throws InvalidAddressError, ListenError
   */
  openDashboard(address: string, folder: string): Promise<string>;
  /** How many watch in the dashboard, now and after each change. Never completes nor errors. */
  readonly dashboardReaders$: Observable<number>;
  /**
   * Ends what is under way, tells those who wait for it, and takes the socket away. Resolves when
   * nothing is open any more, two seconds later at most.
   */
  close(): Promise<void>;
}

/**
 * Makes an engine: what Docker's own clients and libraries pull, push, list, inspect, tag, save,
 * load and remove images with (docs/engine.md). Several that pull an image at once share its
 * transfers; who hangs up leaves them, and the last one cancels.
 *
 * @example
 * const store = await openDiskStore('images');
 * const rxfer = createRxfer({ store, registry: createRegistryClient() });
 * const connect = (credentials: CredentialProvider) => createRegistryClient({ credentials });
 * const engine = createEngine({ rxfer, store, connect });
 * console.log(await engine.listen('unix:rxfer.sock')); // docker -H unix:///…/rxfer.sock pull alpine
 */
export function createEngine(options: EngineOptions): Engine {
  const { scheduler = asyncScheduler, version = '0', maxArchiveSize = 64 * 2 ** 30 } = options;
  const { rxfer, store, connect, logger = silentLogger } = options;
  const server = new HttpServer({ scheduler, logger, rewriteUrl: routedPath });
  const parts: EngineParts = {
    rxfer,
    store,
    scheduler,
    version,
    maxArchiveSize,
    images: new StoredImages(store),
    sizes: new LayerSizes(store.layers),
    clients: new RegistryClients(connect),
    activity: new Activity(scheduler, logger),
    events: new EngineEvents(scheduler),
  };
  addRoutes(server, parts);
  const { activity } = parts;
  const dashboard = new Dashboard({ rxfer, activity, scheduler, logger });
  const engine: Engine = {
    track: (what, reference, events$) => activity.track(what, reference, events$),
    dashboardReaders$: activity.readers$,
    openDashboard: (address, folder) => dashboard.listen(address, folder),
    listen: async (address, { reach = 'loopback' } = {}) =>
      formatListenAddress(await server.listen(parseListenAddress(address), reach)),
    close: async () => {
      activity.endAll('The engine is closing');
      parts.events.close();
      await Promise.all([server.close(), dashboard.close()]);
    },
  };
  return engine;
}

function addRoutes({ app }: HttpServer, parts: EngineParts): void {
  app.removeAllContentTypeParsers();
  // Clients send all sorts of types with bodies that have no meaning. They are read to their end:
  // whoever is hung up on in the middle never reads the answer.
  app.addContentTypeParser('*', (_request, body, parsed) => {
    body.resume();
    parsed(null, undefined);
  });
  app.addHook('onRequest', async ({ originalUrl }, reply) => {
    void reply
      .header('api-version', apiVersions.newest)
      .header('ostype', 'linux')
      .header('server', `rxfer/${parts.version} (linux)`);
    const problem = versionProblem(originalUrl);
    if (problem !== undefined) throw new EngineRequestError(problem, 'Set DOCKER_API_VERSION.');
    return Promise.resolve();
  });
  systemRoutes(app, parts);
  imageRoutes(app, parts);
  moveRoutes(app, parts);
  eventRoutes(app, parts);
  archiveRoutes(app, parts);
  loginRoutes(app, parts);
  absentRoutes(app);
}
