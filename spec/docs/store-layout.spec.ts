import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { createRegistryClient, createRxfer, openDiskStore } from '../../src/index.js';
import { sampleImage, startRegistry } from '../../src/testing/index.js';
import { codeBlocksOf } from '../support/code-blocks.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

it('a store has on the disk what docs/store.md says, and nothing else', async () => {
  const [layout] = codeBlocksOf('docs/store.md').filter(({ language }) => language === 'text');
  const documented = [...(layout?.code ?? '').matchAll(/^([^\s/]+)/gm)].map(([, name]) => name);
  const registry = await startRegistry();
  registry.addImage('app', 'v1', await sampleImage({ layers: [[{ name: 'file', size: 1000 }]] }));
  const client = createRegistryClient();
  const store = await openDiskStore(temporaryFolder());
  try {
    const pull$ = createRxfer({ store, registry: client }).pull(`${registry.host}/app:v1`);
    await lastValueFrom(pull$);
  } finally {
    await client.close();
    await registry.close();
  }
  // There while a process looks for garbage.
  const lasting = documented.filter((name) => name !== 'collection.lock');
  expect(readdirSync(store.directory).sort()).toEqual(lasting.sort());
  const [layer = ''] = readdirSync(join(store.directory, 'layers/sha256'));
  for (const name of ['layer.json', 'diff', 'entries.jsonl.gz']) {
    expect(layout?.code).toContain(name);
    expect(existsSync(join(store.directory, 'layers/sha256', layer, name))).toBe(true);
  }
});
