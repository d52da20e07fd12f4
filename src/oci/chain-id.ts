import { digestOf, type ChainID, type DiffID } from './digest.js';

/**
 * The chainID of a layer on its parent: the diffID itself for the lowest layer, else the sha256
 * of `parent + ' ' + diffID` (OCI image spec, config.md, Layer ChainID).
 */
export function chainIDOf(parent: ChainID | undefined, diffID: DiffID): ChainID {
  if (parent === undefined) return diffID as string as ChainID;
  return digestOf(`${parent} ${diffID}`) as string as ChainID;
}

/** The chainIDs of a whole stack of layers, bottom-up. */
export function chainIDsOf(diffIDs: readonly DiffID[], base?: ChainID): ChainID[] {
  let parent = base;
  return diffIDs.map((diffID) => (parent = chainIDOf(parent, diffID)));
}
