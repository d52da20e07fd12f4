import type { Endpoint, Endpoints } from './endpoints.js';
import { NoHostError } from './errors.js';
import { apiAddress, readHostsFolder, type ConfiguredHost } from './hosts-folder.js';

/** Who is asked beside, or in place of, the registries themselves. */
export interface MirrorSettings {
  /** Addresses of servers that are asked first for whatever registry, in this order. */
  readonly mirrors: readonly string[];
  /** A folder of hosts.toml files in containerd's form. */
  readonly hostsFolder: string | undefined;
}

/**
 * The servers that answer for registries: the mirrors of the settings, the hosts of the folder, and
 * the registry itself or what the folder has in its place. The folder is read once a registry.
 *
 * @param itself where a registry is by its name alone.
 */
export function mirroredEndpoints(
  itself: (registry: string) => Endpoint,
  { mirrors, hostsFolder }: MirrorSettings,
): Endpoints {
  const general = mirrors.map((address): ConfiguredHost => {
    const base = apiAddress(address, 'standard');
    return { ...(base === undefined ? {} : { base }), capabilities: ['pull', 'resolve'] };
  });
  const find = async (registry: string): Promise<readonly Endpoint[]> => {
    const own = hostsFolder === undefined ? [{}] : await readHostsFolder(hostsFolder, registry);
    return [...general, ...own].map((host) => endpointOf(itself(registry), host));
  };
  const known = new Map<string, Promise<readonly Endpoint[]>>();
  return async (registry, capability) => {
    const found = known.get(registry) ?? find(registry);
    known.set(registry, found);
    found.catch(() => known.delete(registry));
    const [first, ...others] = (await found).filter(
      ({ capabilities }) => capabilities?.includes(capability) ?? true,
    );
    if (first === undefined) throw new NoHostError(capability, { host: registry });
    return [first, ...others];
  };
}

function endpointOf(
  itself: Endpoint,
  { base = itself.base, ...configured }: ConfiguredHost,
): Endpoint {
  // Docker Hub's API is at another address than its name says.
  const isHub = base.host === 'docker.io' || base.host === 'registry-1.docker.io';
  const address = new URL(base);
  if (isHub) address.host = 'registry-1.docker.io';
  const host = isHub ? 'docker.io' : base.host;
  // Whoever stands for another registry is told for which (containerd, docs/hosts.md).
  const namespace = host === itself.host ? {} : { namespace: itself.host };
  return { ...configured, ...namespace, host, base: address };
}
