import { EMPTY, mergeMap, of, tap, type Observable } from 'rxjs';
import {
  LayerUploadManager,
  type UploadDescriptor,
  type UploadSlot,
} from '../../src/distribution/index.js';
import type { Descriptor, DiffID, Digest } from '../../src/oci/index.js';
import { progressEvent, resultEvent, type TransferEvent } from '../../src/transfer/index.js';
import { marbles } from '../support/marbles.js';

const stored = (name: string): Descriptor => ({ mediaType: name, digest: name as Digest, size: 1 });

class SpyUpload implements UploadDescriptor {
  readonly id: string;
  readonly diffID: DiffID;
  readonly remote: Descriptor[] = [];
  uploads = 0;

  constructor(
    readonly key: string,
    readonly attempt$: Observable<TransferEvent<Descriptor>>,
  ) {
    this.id = key;
    this.diffID = key as DiffID;
  }

  upload(): Observable<TransferEvent<Descriptor>> {
    this.uploads++;
    return this.attempt$;
  }

  setRemoteDescriptor(descriptor: Descriptor): void {
    this.remote.push(descriptor);
  }
}

const events = {
  u: progressEvent('Pushing', { current: 1, total: 2 }),
  a: resultEvent(stored('a')),
  b: resultEvent(stored('b')),
};
const progress = (id: string, phase: string, rest = {}) => ({
  kind: 'progress',
  id,
  progress: { phase, ...rest },
});
const seen = {
  p: progress('a', 'Preparing'),
  u: progress('a', 'Pushing', { current: 1, total: 2 }),
  A: { kind: 'layer', id: 'a', index: 0, descriptor: stored('a') },
  q: progress('b', 'Preparing'),
  w: progress('b', 'Waiting'),
  v: progress('b', 'Pushing', { current: 1, total: 2 }),
  B: { kind: 'layer', id: 'b', index: 1, descriptor: stored('b') },
  r: { kind: 'result', descriptors: [stored('a'), stored('b')] },
  t: progress('a', 'Retrying', { retryIn: 1 }),
  s: { kind: 'result', descriptors: [stored('a')] },
};

describe('LayerUploadManager', () => {
  it('uploads several at once, sets remote descriptors, and ends in the result', () => {
    marbles(({ cold, expectObservable, flush }) => {
      const a = new SpyUpload('a', cold('-----u-(a|)    ', events));
      const b = new SpyUpload('b', cold('------u---(b|) ', events));
      const expected = '                 (pq)-uvA--(Br|)';
      expectObservable(new LayerUploadManager().upload([a, b])).toBe(expected, seen);
      flush();
      expect([a.remote, b.remote]).toEqual([[stored('a')], [stored('b')]]);
    });
  });

  it('makes one more than the limit wait', () => {
    marbles(({ cold, expectObservable }) => {
      const a = new SpyUpload('a', cold('-----u-(a|)     ', events));
      const b = new SpyUpload('b', cold('       -u-(b|)  ', events));
      const expected = '                 (pqw)u-Av-(Br|) ';
      const manager = new LayerUploadManager({ concurrency: 1 });
      expectObservable(manager.upload([a, b])).toBe(expected, seen);
    });
  });

  it('gives the slot to the next as soon as a layer moves no more data', () => {
    marbles(({ cold, expectObservable }) => {
      const a = new SpyUpload('a', cold('-----u---(a|)  ', events));
      const b = new SpyUpload('b', cold('     -u---(b|) ', events));
      const expected = '                 (pqw)uv--A(Br|)';
      const upload = (slot: UploadSlot) => a.attempt$.pipe(tap(() => slot.inactive()));
      const manager = new LayerUploadManager({ concurrency: 1 });
      expectObservable(manager.upload([Object.assign(a, { upload }), b])).toBe(expected, seen);
    });
  });

  it('uploads a key once that is there twice, and tells both', () => {
    marbles(({ cold, expectObservable, flush }) => {
      const [a, same] = [0, 1].map(() => new SpyUpload('a', cold('-u-(a|)', events)));
      expectObservable(new LayerUploadManager().upload([a!, same!])).toBe('pu-(ADS|)', {
        ...seen,
        D: { kind: 'layer', id: 'a', index: 1, descriptor: stored('a') },
        S: { kind: 'result', descriptors: [stored('a'), stored('a')] },
      });
      flush();
      expect(a!.uploads + same!.uploads).toBe(1);
      expect([a!.remote, same!.remote]).toEqual([[stored('a')], [stored('a')]]);
    });
  });

  it('counts down to the next attempt, and gives up after maxAttempts', () => {
    marbles(({ cold, expectObservable, flush }, scheduler) => {
      const a = new SpyUpload('a', cold('-u#', events, new Error('reset')));
      const manager = new LayerUploadManager({ scheduler, maxAttempts: 2, delay: () => 1000 });
      const expected = 'put 999ms -u#';
      expectObservable(manager.upload([a])).toBe(expected, seen, new Error('reset'));
      flush();
      expect(a.remote).toEqual([]);
    });
  });

  it('takes turns among uploads, so that a long push does not starve a short one', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new LayerUploadManager({ concurrency: 1 });
      const push = (keys: string) => {
        const layers = Array.from(keys, (key) => new SpyUpload(key, cold('---(a|)', events)));
        return manager
          .upload(layers)
          .pipe(mergeMap((event) => (event.kind === 'layer' ? of(event.id) : EMPTY)));
      };
      //                                         each layer takes 3, one at a time
      expectObservable(push('klmn')).toBe('      ---k--l-----m-----(n|)');
      expectObservable(push('xy'), '-^').toBe('  ---------x-----(y|)');
    });
  });

  it('cancels what nobody else shares', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const attempt = cold('-u----(a|)', events);
      const a = new SpyUpload('a', attempt);
      expectObservable(new LayerUploadManager().upload([a]), '^--!').toBe('pu-', seen);
      expectSubscriptions(attempt.subscriptions).toBe('        ^--!');
    });
  });

  it('ends at once without layers', () => {
    marbles(({ expectObservable }) => {
      const nothing = { r: { kind: 'result', descriptors: [] } };
      expectObservable(new LayerUploadManager().upload([])).toBe('(r|)', nothing);
    });
  });
});
