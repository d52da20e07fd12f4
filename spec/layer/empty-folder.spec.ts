import * as fs from 'node:fs';
import { join } from 'node:path';
import { emptyFolder } from '../../src/layer/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

it('removes all that is in a folder, whatever its names are, and whatever modes say', async () => {
  const folder = join(temporaryFolder(), 'b\u00e9low');
  fs.mkdirSync(join(folder, 'locked', 'inner'), { recursive: true });
  fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xe9])]), 'no UTF-8');
  fs.symlinkSync('/etc', join(folder, 'link'));
  for (const each of ['locked/inner', 'locked', '.']) fs.chmodSync(join(folder, each), 0);
  await emptyFolder(folder);
  expect(fs.readdirSync(folder)).toEqual([]);
  expect(fs.existsSync('/etc')).toBe(true);
});
