import * as fs from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import { isDigest, type ChainID, type DiffID, type Digest } from '../oci/index.js';
import type { DiskLayout } from './disk-layout.js';
import { StoreError } from './errors.js';
import type { LayerIdentity } from './store.js';
import { hasCode, onDisk } from './system-errors.js';

/** A layer as its `layer.json` has it. */
export interface LayerRecord extends LayerIdentity {
  /** What the unpacking couldn't do, as AppliedLayer says. */
  readonly omissions: readonly string[];
}

/** What is known of a registered layer, or `undefined` when there is none. @throws StoreError */
export async function readLayer(
  layout: DiskLayout,
  chainID: ChainID,
): Promise<LayerRecord | undefined> {
  const file = path.join(layout.layer(chainID), 'layer.json');
  return onDisk(file, () => {
    let text: string;
    try {
      // Some hundred bytes, at once: by way of the thread pool they take ten times as long.
      text = fs.readFileSync(file, 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
    return parseRecord(file, text);
  });
}

const digest = v.custom<Digest>((input) => typeof input === 'string' && isDigest(input));
const schema = v.object({
  chainID: digest,
  diffID: digest,
  parent: v.optional(digest),
  size: v.number(),
  blob: v.object({ mediaType: v.string(), digest, size: v.number() }),
  omissions: v.optional(v.array(v.string()), []),
});

function parseRecord(file: string, text: string): LayerRecord {
  const outcome = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  if (!outcome.success) {
    throw new StoreError(
      'ERR_STORE_DAMAGED',
      file,
      `${file} is damaged`,
      "Run 'rxfer verify --repair'.",
    );
  }
  const { chainID, diffID, parent, ...rest } = outcome.output;
  return {
    ...rest,
    chainID: chainID as string as ChainID,
    diffID: diffID as string as DiffID,
    parent: parent as string | undefined as ChainID | undefined,
  };
}
