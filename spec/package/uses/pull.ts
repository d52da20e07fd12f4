import { strictEqual } from 'node:assert';
import { filter, lastValueFrom, tap } from 'rxjs';
import { createMemoryStore, createRegistryClient, createRxfer, DoNotRetry } from 'rxfer';
import { createEngine } from 'rxfer/engine';
import { emptySnapshot, reduceProgress, type ProgressSnapshot } from 'rxfer/progress';
import { sampleImage, startRegistry } from 'rxfer/testing';
import { isDoNotRetry, TransferManager } from 'rxfer/transfer';

/** Uses each entry of the package, in whatever form this has been compiled to. */
async function pull(): Promise<void> {
  // The entries are one library, not copies of it.
  strictEqual(isDoNotRetry(new DoNotRetry(new Error('final'))), true);
  strictEqual(new DoNotRetry(new Error('final')) instanceof Error, true);
  strictEqual(typeof createEngine, 'function');
  strictEqual(typeof new TransferManager(1).transfer, 'function');
  const registry = await startRegistry();
  registry.addImage('app', 'v1', await sampleImage({ layers: [[{ name: 'file', size: 1000 }]] }));
  const client = createRegistryClient();
  const rxfer = createRxfer({ store: createMemoryStore(), registry: client });
  // @ts-expect-error A reference is a text: the types are there, and no `any`.
  strictEqual(typeof rxfer.pull(1), 'object');
  let snapshot: ProgressSnapshot = emptySnapshot;
  const result$ = rxfer.pull(`${registry.host}/app:v1`).pipe(
    tap((event) => (snapshot = reduceProgress(snapshot, event))),
    filter((event) => event.kind === 'result'),
  );
  const { image, release } = await lastValueFrom(result$);
  release();
  strictEqual(image.statuses[0], 'pulled');
  strictEqual(snapshot.totals.done, 1);
  await client.close();
  await registry.close();
  console.log('pulled');
}

void pull();
