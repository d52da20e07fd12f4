import { pipeline } from 'node:stream';
import { EMPTY, finalize, from, map, mergeMap, type Observable } from 'rxjs';
import { extract, type Header } from 'tar-stream';
import type { Layer, Rxfer } from 'rxfer';

/** A file of a layer, as its tar says. */
export interface ScannedFile {
  readonly diffID: string;
  readonly header: Header;
}

/** Pulls an image and reads the tar of each layer as soon as it is in the store, two at a time. */
export function scanLayers(rxfer: Rxfer, reference: string): Observable<ScannedFile> {
  let release: (() => void) | undefined;
  return rxfer.pull(reference).pipe(
    mergeMap((event) => {
      // The layers are leased until this is called: nothing removes one that is being read.
      if (event.kind === 'result') ({ release } = event);
      if (event.kind !== 'layer' || event.layer === undefined) return EMPTY;
      const { layer } = event;
      const files$ = from(headersOf(layer));
      return files$.pipe(map((header) => ({ diffID: layer.diffID, header })));
    }, 2),
    finalize(() => release?.()),
  );
}

async function* headersOf(layer: Layer): AsyncGenerator<Header> {
  const stop = new AbortController();
  const tar = await layer.tarStream(stop.signal);
  const entries = pipeline(tar, extract(), () => undefined);
  try {
    for await (const entry of entries) {
      yield entry.header;
      entry.resume();
    }
  } finally {
    stop.abort();
  }
}
