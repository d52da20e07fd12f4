import { Authorizer } from './authorizer.js';
import { checkAccess } from './check-access.js';
import type { RegistryClient } from './client.js';
import { Connections } from './connections.js';
import { directEndpoint } from './endpoints.js';
import { BlobFetcher } from './fetch-blob.js';
import { ContentRemover } from './delete-content.js';
import { HostHealth } from './host-health.js';
import { ContentLister } from './list-content.js';
import { mirroredEndpoints } from './mirrors.js';
import { ManifestFetcher } from './fetch-manifest.js';
import { clientSettings, type RegistryClientOptions } from './options.js';
import { ContentPusher } from './push-blob.js';
import { listReferrers } from './list-referrers.js';
import { ReferrersTags } from './referrers-tags.js';
import { Transport } from './transport.js';

/**
 * Creates a client for any number of registries. It opens sockets as they are needed, one pool a
 * host, and holds them until it is closed, which its owner must do.
 *
 * @throws InvalidClientOptionError that names the option.
 */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const settings = clientSettings(options);
  const { credentials, plainHttp, mirrors, hostsFolder, scheduler, logger } = settings;
  const connections = new Connections(settings);
  const health = new HostHealth(scheduler, logger);
  const endpoints = mirroredEndpoints((registry) => directEndpoint(registry, plainHttp), {
    mirrors,
    hostsFolder,
  });
  const authorizer = new Authorizer(credentials, { connections, plainHttp, scheduler, logger });
  const transport = new Transport(connections, authorizer, scheduler);
  const manifests = new ManifestFetcher(transport, endpoints, health);
  const blobs = new BlobFetcher(transport, endpoints, health, {
    count: settings.chunks,
    size: settings.chunkSize,
    threshold: settings.chunkThreshold,
  });
  const referrers = new ReferrersTags(transport, manifests);
  const pusher = new ContentPusher(transport, endpoints, referrers, settings.uploadChunkSize);
  const remover = new ContentRemover(transport, endpoints, { manifests, referrers });
  const lister = new ContentLister(transport, endpoints, health);
  return {
    resolve: (reference, signal) => manifests.resolve(reference, signal),
    manifest: (reference, signal) => manifests.fetch(reference, signal),
    blob: (repository, blob, request) => blobs.fetch(repository, blob, request),
    has: (repository, descriptor, signal) => pusher.has(repository, descriptor, signal),
    mount: (repository, digest, from, upload) => pusher.mount(repository, digest, from, upload),
    upload: (repository, blob, open, upload) => pusher.upload(repository, blob, open, upload),
    putManifest: (reference, manifest, signal) => pusher.putManifest(reference, manifest, signal),
    tags: (repository, list) => lister.tags(repository, list),
    repositories: (host, list) => lister.repositories(host, list),
    referrers: (repository, subject, list) =>
      listReferrers({ lister, manifests }, repository, subject, list),
    delete: (reference, signal) => remover.delete(reference, signal),
    check: (host, signal) => checkAccess(transport, endpoints, host, signal),
    close: () => connections.close(),
  };
}
