import { deepStrictEqual } from 'node:assert';
import { lastValueFrom, toArray } from 'rxjs';
import { createMemoryStore, createRxfer } from 'rxfer';
import { sampleImage, startRegistry } from 'rxfer/testing';
import { loggingClient } from '../../guide/examples/log-lines.js';
import { pullMany } from '../../guide/examples/pull-many.js';
import { scanLayers } from '../../guide/examples/scan-layers.js';
import { pullWithSignal } from '../../guide/examples/stop-pull.js';

/** Uses recipes of the guide, copied, as somebody does who has the package alone. */
async function main(): Promise<void> {
  const registry = await startRegistry();
  const client = loggingClient('warn');
  const store = createMemoryStore();
  const rxfer = createRxfer({ store, registry: client });
  const references = ['one', 'two'].map((name) => `${registry.host}/${name}:v1`);
  for (const name of ['one', 'two']) {
    registry.addImage(name, 'v1', await sampleImage({ layers: [[{ name, size: 1000 }]] }));
  }
  const images = await lastValueFrom(pullMany(rxfer, references, () => undefined).pipe(toArray()));
  deepStrictEqual(images.map(({ reference }) => reference).sort(), references);
  const files = await lastValueFrom(scanLayers(rxfer, `${registry.host}/one:v1`));
  deepStrictEqual(files.header.name, 'one');
  const stopped = pullWithSignal(rxfer, `${registry.host}/two:v1`, AbortSignal.timeout(60_000));
  deepStrictEqual((await stopped).kind, 'result');
  await client.close();
  await registry.close();
  console.log('guided');
}

void main();
