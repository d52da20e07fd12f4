import {
  catchError,
  concat,
  defer,
  EMPTY,
  merge,
  of,
  tap,
  throwError,
  type Observable,
} from 'rxjs';
import type {
  MoveOptions as MovedImage,
  PulledImage,
  PullEvent,
  Rxfer,
} from '../../image/index.js';
import { formatPlatform, formatReference, parseReference } from '../../oci/index.js';
import { formatBytes } from '../../progress/index.js';
import { counted } from '../counted.js';
import type { FailureNews } from '../failure-news.js';
import { messageOf } from '../message-of.js';
import { moveImages } from '../move-images.js';
import { RxferError } from '../../transfer/index.js';
import type { MoveOptions } from '../options.js';
import { moveOptionsOf } from '../platform-options.js';
import { imagesJson, imagesText, referrersJson } from '../images-json.js';

/** What became of one reference. */
interface Pulled {
  readonly image: PulledImage;
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * `rxfer pull REF...`: all at once, sharing what they have in common. One that fails doesn't
 * hold up the others; the results are printed in the order of the references.
 */
export async function pull(texts: readonly string[], options: MoveOptions): Promise<void> {
  const parsed = texts.map(parseReference);
  const references = [...new Set(parsed.map(formatReference))];
  const hosts = parsed.map(({ host }) => host);
  const moved = moveOptionsOf(options);
  const pulled = new Map<string, Pulled>();
  try {
    await moveImages({ ...options, hosts }, (rxfer) => pullAll(rxfer, references, moved, pulled));
  } finally {
    const print = options.format === 'json' ? json : text;
    for (const reference of references) {
      const result = pulled.get(reference);
      if (result !== undefined) console.log(print(result));
    }
  }
}

/** Errors when all have ended, if one of them failed; of several, it tells at once which. */
function pullAll(
  rxfer: Rxfer,
  references: readonly string[],
  moved: MovedImage,
  pulled: Map<string, Pulled>,
): Observable<PullEvent | FailureNews> {
  const begin = performance.now();
  const failures: unknown[] = [];
  const pulls = references.map((reference) => {
    let isAwaited = false;
    return rxfer.pull(reference, moved).pipe(
      tap((event) => {
        if (event.kind === 'retry') isAwaited = event.retryIn > 0;
        if (event.kind !== 'result') return;
        event.release();
        const { image, bytes } = event;
        const seconds = Math.round(performance.now() - begin) / 1000;
        pulled.set(reference, { image, bytes, seconds });
      }),
      catchError((error: unknown) => {
        // Of its documents one may have been waited for as another one failed.
        const over$ = isAwaited ? of({ kind: 'retry' as const, reference, retryIn: 0 }) : EMPTY;
        if (references.length === 1) {
          failures.push(error);
          return over$;
        }
        failures.push(withReference(reference, error));
        return concat(over$, of({ kind: 'failed' as const, reference, error }));
      }),
    );
  });
  const end$ = defer(() => {
    if (failures.length === 0) return EMPTY;
    if (failures.length === 1) return throwError(() => failures[0]);
    return throwError(() => new AggregateError(failures, failures.map(messageOf).join('\n')));
  });
  return concat(merge(...pulls), end$);
}

/** A failed pull among several. */
class ImageFailedError extends RxferError {
  override readonly name = 'ImageFailedError';

  constructor(reference: string, cause: RxferError) {
    const { code, message, hint, digest, host } = cause;
    super(code, `${reference}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      ...(digest === undefined ? {} : { digest }),
      ...(host === undefined ? {} : { host }),
      reference,
      cause,
    });
  }
}

/** Of several images, which one it was belongs to what went wrong. */
function withReference(reference: string, error: unknown): unknown {
  if (!(error instanceof RxferError)) return error;
  const isTold = error.reference !== undefined || error.message.includes(reference);
  return isTold ? error : new ImageFailedError(reference, error);
}

function json({ image, bytes, seconds }: Pulled): string {
  const { reference, resolved, platform, config, layers, diffIDs, chainIDs, statuses } = image;
  const referrers = image.referrers && referrersJson(image.referrers);
  if (image.images !== undefined) {
    const status = new Map(layers.map(({ digest }, index) => [digest, statuses[index]]));
    const images = imagesJson(image.images).map((each) => ({
      ...each,
      layers: each.layers.map((layer) => ({ ...layer, status: status.get(layer.digest) })),
    }));
    return JSON.stringify({ reference, digest: resolved, images, referrers, bytes, seconds });
  }
  return JSON.stringify({
    reference,
    digest: resolved,
    platform: platform === undefined ? undefined : formatPlatform(platform),
    config,
    layers: layers.map(({ digest, size }, index) => ({
      digest,
      diffID: diffIDs[index],
      chainID: chainIDs[index],
      size,
      status: statuses[index],
    })),
    referrers,
    bytes,
    seconds,
  });
}

function text({ image, bytes, seconds }: Pulled): string {
  const { reference, resolved, statuses } = image;
  const pulled = statuses.filter((status) => status === 'pulled').length;
  const existed = statuses.length - pulled;
  const layers = `${imagesText(image)}${counted(pulled, 'layer')} pulled, ${existed} there before`;
  return `${reference}\n${resolved}\n${layers}, ${formatBytes(bytes)} in ${seconds.toFixed(1)} s`;
}
