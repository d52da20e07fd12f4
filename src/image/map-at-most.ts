/** What `each` makes of the items, in their order, a few at a time. */
export async function mapAtMost<T, U>(
  width: number,
  items: readonly T[],
  each: (item: T) => Promise<U>,
): Promise<U[]> {
  const results: U[] = [];
  for (let begin = 0; begin < items.length; begin += width) {
    results.push(...(await Promise.all(items.slice(begin, begin + width).map(each))));
  }
  return results;
}
