/**
 * Random numbers from 0 to 1 that come again with the same seed, which is that of the environment
 * (`RXFER_SEED`) or another each time. To be printed, so that what failed can be run again.
 */
export function seededRandom(): { readonly random: () => number; readonly seed: number } {
  const seed = Number(process.env['RXFER_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
  let state = seed;
  // mulberry32
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  return { random, seed };
}
