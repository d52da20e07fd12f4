import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';

/** Items between two turns of the event loop, of all iterations that are under way, at most. */
const mostItems = 128;
/** And the ms that these take: a file may take a hundred times as long on one file system as on another. */
const mostTime = 12;
let underWay = 0;

/**
 * What an iteration yields, with a turn of the event loop now and then: items at hand are worked on
 * without a pause otherwise, while timers, sockets and other iterations wait.
 */
export async function* withPauses<T>(source: AsyncIterable<T>): AsyncGenerator<T, void> {
  let items = 0;
  let begin = performance.now();
  underWay++;
  try {
    for await (const item of source) {
      items++;
      const isLong = (performance.now() - begin) * underWay >= mostTime;
      if (isLong || items * underWay >= mostItems) {
        await setImmediate();
        items = 0;
        begin = performance.now();
      }
      yield item;
    }
  } finally {
    underWay--;
  }
}
