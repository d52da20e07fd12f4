import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { sampleImage } from '../../src/testing/index.js';
import { startEngine } from '../support/engine.js';
import { closeAll, openRegistry } from '../support/loopback.js';
import { describeWithPeers } from '../support/peers.js';
import { run } from '../support/run.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

describeWithPeers(['skopeo'], "skopeo's docker-daemon", () => {
  afterEach(closeAll);
  afterAll(removeTemporaryFolders);

  it('is the engine: an image is copied out of it, and into it', async () => {
    const registry = await openRegistry();
    const image = await sampleImage({ layers: [[{ name: 'a', size: 10_000 }], [{ name: 'b' }]] });
    registry.addImage('app', 'v1', image);
    const running = await startEngine();
    try {
      const name = `docker-daemon:${registry.host}/app`;
      const layout = `oci:${join(temporaryFolder(), 'layout')}:v1`;
      const pulled = await lastValueFrom(running.rxfer.pull(`${registry.host}/app:v1`));
      if (pulled.kind === 'result') pulled.release();
      await run('skopeo', 'copy', '--src-daemon-host', running.host, `${name}:v1`, layout);
      await run('skopeo', 'copy', '--dest-daemon-host', running.host, layout, `${name}:v2`);
      const daemon = ['--daemon-host', running.host];
      const config = await run('skopeo', 'inspect', '--config', ...daemon, `${name}:v2`);
      expect(JSON.parse(config)).toMatchObject({ rootfs: { diff_ids: image.diffIDs } });
    } finally {
      await running.close();
    }
  }, 60_000);
});
