import { asyncScheduler, catchError, from, map, mergeMap, of, type OperatorFunction } from 'rxjs';
import { sampleProgress } from '../transfer/index.js';
import {
  progressText,
  retryText,
  type ImageProgressEvent,
  type LayerNews,
  type RetryNews,
} from './events.js';
import type { JsonLinesOptions } from './json-lines.js';

/** How {@link toDockerProgress} tells of events. */
export interface DockerProgressOptions extends JsonLinesOptions {
  /** The reference that an image is pushed to. Without it the events are told as those of pulls. */
  readonly pushedTo?: string;
}

/** One message of Docker's progress, as `jsonmessage.JSONMessage` of its Engine API has it. */
interface DockerMessage {
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  /** The bar, as text. */
  readonly progress?: string;
  readonly id?: string;
  readonly errorDetail?: { readonly message: string };
  readonly error?: string;
  readonly aux?: object;
}

/**
 * The events of pulls, or of a push, as the lines of JSON without the newline that Docker streams
 * for `docker pull` and `docker push`, so that what reads those can read these: `status`, `id`,
 * `progressDetail` and `progress`, and last the digest and the status of the image.
 *
 * ```
 * events$:           i-d-d-d-r|         i: resolved   d: Downloading   r: result
 * toDockerProgress:  i-d-d-d-(DS|)      D: Digest     S: Status
 * ```
 *
 * Completes with the source. Where the source errors, the last line is an `errorDetail`, and it
 * completes then too: whoever streams it has told of the error with it.
 */
export function toDockerProgress(
  options: DockerProgressOptions = {},
): OperatorFunction<ImageProgressEvent, string> {
  return (events$) =>
    events$.pipe(
      dockerLines(options),
      catchError((error: unknown) => of(dockerFailureLine(error))),
    );
}

/**
 * As {@link toDockerProgress}, and completes with the source, but errors with it as well, for those
 * who can tell it otherwise.
 */
export function dockerLines(
  options: DockerProgressOptions = {},
): OperatorFunction<ImageProgressEvent, string> {
  const { rate = 10, scheduler = asyncScheduler, pushedTo } = options;
  const messagesOf = pushedTo === undefined ? pullMessages : pushMessages(pushedTo);
  return (events$) =>
    events$.pipe(
      sampleProgress({ rate, scheduler, by: (event) => 'id' in event && event.id }),
      mergeMap((event) => from(messagesOf(event))),
      map((message) => JSON.stringify(message)),
    );
}

/** The line that tells of an error. */
export function dockerFailureLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const failure: DockerMessage = { errorDetail: { message }, error: message };
  return JSON.stringify(failure);
}

function pullMessages(event: ImageProgressEvent): DockerMessage[] {
  switch (event.kind) {
    case 'resolved': {
      const { repository, tag, digest } = partsOf(event.image.reference);
      const path = repository.slice(repository.indexOf('/') + 1);
      return [{ status: `Pulling from ${path}`, id: tag ?? digest ?? 'latest' }];
    }
    case 'retry':
      return [retryMessage(event)];
    case 'progress':
      return [layerMessage(event)];
    case 'layer':
      return [];
    case 'result': {
      if (event.image === undefined) return [];
      const { reference, resolved, statuses } = event.image;
      const isNew = statuses?.every((status) => status === 'exists') !== true;
      const outcome = isNew ? 'Downloaded newer image' : 'Image is up to date';
      return [
        { status: `Digest: ${resolved}` },
        { status: `Status: ${outcome} for ${familiar(reference)}` },
      ];
    }
  }
}

function pushMessages(reference: string): (event: ImageProgressEvent) => DockerMessage[] {
  const { repository, tag = 'latest' } = partsOf(reference);
  return (event) => {
    switch (event.kind) {
      case 'resolved':
        return [{ status: `The push refers to repository [${repository}]` }];
      case 'retry':
        return [retryMessage(event)];
      case 'progress':
        return [layerMessage(event)];
      case 'layer':
        return [];
      case 'result': {
        if (event.image?.manifest === undefined) return [];
        const { digest, size } = event.image.manifest;
        return [
          { status: `${tag}: digest: ${digest} size: ${size}` },
          { progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } },
        ];
      }
    }
  };
}

function retryMessage(event: RetryNews): DockerMessage {
  return { status: retryText(event), progressDetail: {}, id: familiar(event.reference) };
}

function layerMessage({ id, progress }: LayerNews): DockerMessage {
  const { current, total } = progress;
  const status = progressText(progress);
  if (current === undefined || (current === 0 && !total)) return { status, progressDetail: {}, id };
  // Docker leaves zeros out (`omitempty`).
  const progressDetail = { ...(current > 0 ? { current } : {}), ...(total ? { total } : {}) };
  return { status, progressDetail, progress: barText(current, total), id };
}

/** As jsonmessage's `JSONProgress.String` has it: fifty characters, and bytes. */
function barText(current: number, total: number | undefined): string {
  if (total === undefined || total <= 0) return humanSize(current).padStart(8);
  const full = Math.min(50, Math.floor(Math.floor((current / total) * 100) / 2));
  const bar = `[${'='.repeat(full)}>${' '.repeat(50 - full)}]`;
  const moved = humanSize(current).padStart(8);
  return current > total ? `${bar} ${moved}` : `${bar} ${moved}/${humanSize(total)}`;
}

/** As go-units' `HumanSize` has it: four significant digits, decimal units, no space. */
function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let step = 0;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step++;
  }
  return `${Number(value.toPrecision(4))}${units[step] ?? ''}`;
}

function partsOf(reference: string): { repository: string; tag?: string; digest?: string } {
  const [name = '', digest] = reference.split('@');
  const colon = name.lastIndexOf(':');
  const isTagged = colon > name.lastIndexOf('/');
  return {
    repository: isTagged ? name.slice(0, colon) : name,
    ...(isTagged ? { tag: name.slice(colon + 1) } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

function familiar(reference: string): string {
  return reference.replace(/^docker\.io\/(?:library\/)?/, '');
}
