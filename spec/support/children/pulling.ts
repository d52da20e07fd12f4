/**
 * A process that pulls one image into a store, for specs that kill it. It says `ready`, gets the
 * store's folder and the reference, and tells what it comes by, each kind of news once.
 */
import { createRegistryClient, createRxfer, openDiskStore } from '../../../src/index.js';

interface Task {
  readonly directory: string;
  readonly reference: string;
}

function tell(news: object): Promise<void> {
  return new Promise((resolve) => void process.send?.(news, () => resolve()));
}

async function pull({ directory, reference }: Task): Promise<void> {
  const registry = createRegistryClient();
  try {
    const store = await openDiskStore(directory);
    const rxfer = createRxfer({ store, registry, delay: () => 50 });
    const told = new Set<string>();
    await rxfer.pull(reference).forEach((event) => {
      const kind = event.kind === 'progress' ? event.progress.phase : event.kind;
      if (event.kind === 'result') event.release();
      else if (!told.has(kind)) void tell({ kind });
      told.add(kind);
    });
    await tell({ kind: 'result' });
  } catch (error) {
    const { code, message, path, hint } = error as Record<string, unknown>;
    await tell({ kind: 'error', error: { code, message, path, hint } });
  } finally {
    await registry.close();
    process.disconnect();
  }
}

process.once('message', (task) => void pull(task as Task));
void tell({ kind: 'ready' });
