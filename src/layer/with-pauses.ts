import { setImmediate } from 'node:timers/promises';

/** Items between two turns of the event loop, of all iterations that are under way. */
const breath = 128;
let underWay = 0;

/**
 * What an iteration yields, with a turn of the event loop now and then: items at hand are worked on
 * without a pause otherwise, while timers, sockets and other iterations wait.
 */
export async function* withPauses<T>(source: AsyncIterable<T>): AsyncGenerator<T, void> {
  let sincePause = 0;
  underWay++;
  try {
    for await (const item of source) {
      if (++sincePause * underWay >= breath) {
        sincePause = 0;
        await setImmediate();
      }
      yield item;
    }
  } finally {
    underWay--;
  }
}
