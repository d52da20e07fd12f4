import { lastValueFrom, type Observable } from 'rxjs';
import { createRxfer, type Rxfer } from '../image/index.js';
import { createMemoryStore } from '../layer/index.js';
import type { LogOptions } from './log-options.js';
import { openLogger } from './logging.js';
import { openClient } from './open-client.js';
import type { RegistryOptions } from './registry-options.js';
import { untilInterrupted } from './session.js';

/** The options of all commands that speak to registries and use no store. */
export interface RemoteOptions extends RegistryOptions, LogOptions {
  readonly format: 'text' | 'json';
}

/**
 * Opens a registry client, runs a command on it to its last event, of which there may be none, and
 * closes the client. An interruption unsubscribes the command.
 */
export async function runRemote<E>(
  options: RemoteOptions,
  hosts: readonly string[],
  command: (rxfer: Rxfer) => Observable<E>,
): Promise<E | undefined> {
  const registry = openClient(options, hosts);
  try {
    const rxfer = createRxfer({
      store: createMemoryStore(),
      registry,
      logger: openLogger(options),
    });
    return await lastValueFrom(untilInterrupted(command(rxfer)), { defaultValue: undefined });
  } finally {
    await registry.close();
  }
}
