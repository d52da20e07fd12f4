import { join } from 'node:path';
import { createEngine, type Engine, type EngineOptions } from '../../src/engine/index.js';
import { createRxfer, type Rxfer } from '../../src/image/index.js';
import { openDiskStore, type DiskStore } from '../../src/layer/index.js';
import {
  createRegistryClient,
  type CredentialProvider,
  type RegistryClient,
} from '../../src/registry/index.js';
import { temporaryFolder } from './temporary-folder.js';

/** An engine on a store of its own. */
export interface RunningEngine {
  readonly engine: Engine;
  readonly store: DiskStore;
  readonly rxfer: Rxfer;
  /** As docker's `-H` takes it. */
  readonly host: string;
  /** Clients that it has made and not closed. */
  readonly openClients: ReadonlySet<RegistryClient>;
  close(): Promise<void>;
}

/** Starts an engine on a socket, or where it says. */
export async function startEngine(
  listen = `unix:${join(temporaryFolder(), 'engine.sock')}`,
  options: Partial<EngineOptions> = {},
): Promise<RunningEngine> {
  const registry = createRegistryClient();
  const store = await openDiskStore(temporaryFolder());
  const rxfer = createRxfer({ store, registry });
  const openClients = new Set<RegistryClient>();
  const connect = (credentials: CredentialProvider): RegistryClient => {
    const made = createRegistryClient({ credentials });
    const client = {
      ...made,
      close: () => {
        openClients.delete(client);
        return made.close();
      },
    };
    openClients.add(client);
    return client;
  };
  const engine = createEngine({ rxfer, store, connect, version: '1.2.3', ...options });
  const host = await engine.listen(listen);
  const close = async (): Promise<void> => {
    await engine.close();
    await registry.close();
  };
  return { engine, store, rxfer, host, openClients, close };
}
