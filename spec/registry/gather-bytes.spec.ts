import { setImmediate } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { gatherBytes } from '../../src/registry/gather-bytes.js';
import { giveBack, takePiece } from '../../src/registry/lent-memory.js';

const controller = {} as Dispatcher.DispatchController;

/** What a reader hears through it, and the handler that the answer's events go to. */
function gathered(): {
  heard: string[];
  chunks: Buffer[];
  handler: Dispatcher.DispatchHandler;
} {
  const heard: string[] = [];
  const chunks: Buffer[] = [];
  let handler: Dispatcher.DispatchHandler = {};
  const reader: Dispatcher.DispatchHandler = {
    onRequestStart: () => heard.push('request'),
    onResponseStart: (_, status) => heard.push(`start ${status}`),
    onResponseData: (_, chunk) => {
      chunks.push(chunk);
      heard.push(chunk.length > 10 ? `${chunk.length} bytes` : chunk.toString());
    },
    onResponseEnd: () => heard.push('end'),
    onResponseError: (_, error) => heard.push(`error ${error.message}`),
  };
  gatherBytes()((_, inner) => {
    handler = inner;
    return true;
  })({ path: '/', method: 'GET' }, reader);
  return { heard, chunks, handler };
}

describe('bytes of an answer', () => {
  it('are handed on together that come within a turn of the event loop', async () => {
    const { heard, handler } = gathered();
    handler.onRequestStart?.(controller, {});
    handler.onResponseStart?.(controller, 200, {});
    handler.onResponseData?.(controller, Buffer.from('ab'));
    await Promise.resolve();
    handler.onResponseData?.(controller, Buffer.from('cd'));
    expect(heard).toEqual(['request', 'start 200']);
    await setImmediate();
    handler.onResponseData?.(controller, Buffer.from('ef'));
    await setImmediate();
    expect(heard.slice(2)).toEqual(['abcd', 'ef']);
  });

  it('come before the end, and before an error', () => {
    const { heard, handler } = gathered();
    handler.onResponseData?.(controller, Buffer.from('ab'));
    handler.onResponseEnd?.(controller, {});
    expect(heard).toEqual(['ab', 'end']);
    const broken = gathered();
    broken.handler.onResponseData?.(controller, Buffer.from('ab'));
    broken.handler.onResponseError?.(controller, new Error('reset'));
    expect(broken.heard).toEqual(['ab', 'error reset']);
  });

  it('wait in no larger amounts than 512 KiB', async () => {
    const { heard, handler } = gathered();
    for (let count = 0; count < 17; count++) {
      handler.onResponseData?.(controller, Buffer.alloc(64 * 1024));
    }
    expect(heard).toEqual(['524288 bytes', '524288 bytes']);
    await setImmediate();
    expect(heard).toHaveLength(3);
  });

  it('are not copied where they come in large pieces, and stay in their order', () => {
    const { heard, handler } = gathered();
    handler.onResponseData?.(controller, Buffer.from('ab'));
    handler.onResponseData?.(controller, Buffer.alloc(128 * 1024));
    handler.onResponseData?.(controller, Buffer.alloc(300 * 1024));
    expect(heard).toEqual(['ab', '131072 bytes', '307200 bytes']);
  });

  it('are not copied where they lie one behind the other', () => {
    const { chunks, handler } = gathered();
    const memory = Buffer.from('abcdef');
    handler.onResponseData?.(controller, memory.subarray(1, 3));
    handler.onResponseData?.(controller, memory.subarray(3, 6));
    handler.onResponseEnd?.(controller, {});
    memory.fill('x');
    expect(chunks.map(String)).toEqual(['xxxxx']);
  });

  it('are copied where they do not, and their memory is given back', () => {
    const { chunks, handler } = gathered();
    const [one, other] = [takePiece().fill('a'), takePiece().fill('b')];
    giveBack(one.subarray(2));
    giveBack(other.subarray(0, -2));
    handler.onResponseData?.(controller, other.subarray(-2));
    handler.onResponseData?.(controller, one.subarray(0, 2));
    handler.onResponseEnd?.(controller, {});
    const again = [takePiece().buffer, takePiece().buffer];
    expect(new Set(again)).toEqual(new Set([one.buffer, other.buffer]));
    one.fill('x');
    expect(chunks.map(String)).toEqual(['bbaa']);
  });
});
