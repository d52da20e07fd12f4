import { withPauses } from '../../src/layer/with-pauses.js';

async function* numbers(count: number): AsyncGenerator<number, void> {
  for (let number = 0; number < count; number++) yield await Promise.resolve(number);
}

/** How many items came between two turns of the event loop, at most. */
async function mostATurn(
  iterations: number,
  items: number,
  work: () => void = () => undefined,
): Promise<number> {
  let [since, most, over] = [0, 0, false];
  const turn = (): void => {
    since = 0;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  const read = async (): Promise<void> => {
    for await (const number of withPauses(numbers(items))) {
      if (number >= 0) most = Math.max(most, ++since);
      work();
    }
  };
  await Promise.all(Array.from({ length: iterations }, read));
  over = true;
  return most;
}

describe('an iteration with pauses', () => {
  it('yields what the source does', async () => {
    const seen: number[] = [];
    for await (const number of withPauses(numbers(300))) seen.push(number);
    expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => index));
  });

  it.each([1, 4, 16])('lets others have their turn, with %i under way', async (iterations) => {
    const most = await mostATurn(iterations, 1000);
    expect(most).toBeGreaterThan(60);
    expect(most).toBeLessThanOrEqual(160);
  });

  it('lets them have it sooner where items take long', async () => {
    const work = (): void => {
      for (const end = performance.now() + 5; performance.now() < end;);
    };
    expect(await mostATurn(1, 30, work)).toBeLessThanOrEqual(4);
    expect(await mostATurn(4, 10, work)).toBeLessThanOrEqual(8);
  });

  it('counts no longer once it was left or has failed', async () => {
    async function* failing(): AsyncGenerator<number, void> {
      yield 0;
      await Promise.reject(new Error('broke'));
    }
    for (let count = 0; count < 100; count++) {
      const left = withPauses(numbers(5));
      await left.next();
      await left.return();
      const broken = withPauses(failing());
      await broken.next();
      await expect(broken.next()).rejects.toThrow('broke');
    }
    expect(await mostATurn(1, 1000)).toBeGreaterThan(60);
  });
});
