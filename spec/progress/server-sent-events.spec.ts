import { toServerSentEvents, type ImageProgressEvent } from '../../src/progress/index.js';
import { RxferError } from '../../src/transfer/index.js';
import { marbles } from '../support/marbles.js';
import { layerDone, progressOf, resolvedImage } from '../support/progress-events.js';

const data = (message: object): string => `data: ${JSON.stringify(message)}\n\n`;
const downloading = (current: number): ImageProgressEvent =>
  progressOf('a', 'Downloading', { current, total: 9 });

const events: Record<string, ImageProgressEvent> = {
  i: resolvedImage({ a: 9 }),
  a: downloading(1),
  b: downloading(2),
  c: downloading(3),
  l: layerDone('a'),
  r: { kind: 'result' },
};
const messages: Record<string, string> = {
  ...Object.fromEntries(Object.entries(events).map(([key, event]) => [key, data(event)])),
  k: ': still there\n\n',
};

describe('toServerSentEvents', () => {
  it('makes a message of each event, thinned out by layer', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('                                              iabc---l-r|', events);
      const sent = source.pipe(toServerSentEvents({ rate: 1000 / 4 }));
      expectObservable(sent).toBe('                                      ia---c-l-r|', messages);
    });
  });

  it('keeps the connection alive while nothing comes, and no longer', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('                                       i-------r|', events);
      const sent = source.pipe(toServerSentEvents({ keepAlive: 3 }));
      expectObservable(sent).toBe('                               i--k--k-r|', messages);
    });
  });

  it('tells of a failure in its last message, and completes', () => {
    marbles(({ cold, expectObservable }) => {
      const error = new RxferError('ERR_SOME', 'some', { hint: 'Do this.', cause: 'secret' });
      const source = cold('                           a-#', events, error);
      expectObservable(source.pipe(toServerSentEvents())).toBe('a-(f|)', {
        ...messages,
        f: data({ kind: 'failed', code: 'ERR_SOME', message: 'some', hint: 'Do this.' }),
      });
    });
  });

  it('sends nothing that the events carry beside what they declare', () => {
    marbles(({ cold, expectObservable }) => {
      const layer = { ...layerDone('a'), layer: { path: '/secret' } };
      const result = { kind: 'result' as const, release: () => undefined, bytes: 9 };
      const source = cold<ImageProgressEvent>('(lr|)', { l: layer, r: result });
      expectObservable(source.pipe(toServerSentEvents())).toBe('(lr|)', messages);
    });
  });
});
