import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import { describeOnOtherNodes } from '../support/other-nodes.js';
import { describeWithPeers } from '../support/peers.js';
import { run } from '../support/run.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { zstdFrames, zstdSamples, type ZstdSample } from '../support/zstd-samples.js';

let program: ChildProgram;

beforeAll(() => (program = compileChildProgram('decompressing')));
afterAll(() => program.remove());
afterAll(removeTemporaryFolders);

// From 22.15 on by Node's own zstd, which mistakes the end of a frame for the end of all.
describeWithPeers(['zstd'], 'zstd', () => {
  describeOnOtherNodes((node) => {
    it('comes to the same', async () => {
      const samples = [...zstdSamples(), ...randomSamples()].flatMap((sample) =>
        [65_536, 7, 1].map((size) => ({ sample, sizes: [size] })),
      );
      const file = join(temporaryFolder(), 'samples.json');
      const written = samples.map(({ sample: { bytes }, sizes }) => ({
        bytes: bytes.toString('base64'),
        sizes,
      }));
      writeFileSync(file, JSON.stringify(written));
      const outcomes = JSON.parse(await run(node, program.file, file)) as string[];
      const wrong = samples.flatMap(({ sample: { name, outcome }, sizes }, index) =>
        isAs(outcome, outcomes[index]!) ? [] : [{ name, sizes, got: outcomes[index] }],
      );
      expect(wrong).toEqual([]);
    }, 120_000);
  });
});

function isAs(expected: Buffer | RegExp, outcome: string): boolean {
  if (expected instanceof RegExp) return expected.test(outcome);
  return createHash('sha256').update(expected).digest('hex') === outcome;
}

function randomSamples(): ZstdSample[] {
  return fc.sample(zstdFrames, 40).map((frames, index) => ({
    name: `frames of anything (${index})`,
    bytes: Buffer.concat(frames.map(({ bytes }) => bytes)),
    outcome: Buffer.concat(frames.map(({ content }) => content)),
  }));
}
