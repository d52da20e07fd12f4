import type { FastifyReply } from 'fastify';
import type { SchedulerLike } from 'rxjs';
import * as v from 'valibot';
import type { Rxfer } from '../image/index.js';
import type { Activity } from './activity.js';
import type { EngineStore } from './change-images.js';
import type { EngineEvents } from './engine-events.js';
import type { LayerSizes } from './layer-sizes.js';
import type { RegistryClients } from './registry-clients.js';
import type { StoredImages } from './stored-images.js';

/** What the routes of the engine work with. */
export interface EngineParts {
  readonly rxfer: Rxfer;
  readonly store: EngineStore;
  readonly images: StoredImages;
  readonly sizes: LayerSizes;
  readonly clients: RegistryClients;
  readonly activity: Activity;
  readonly events: EngineEvents;
  readonly scheduler: SchedulerLike;
  readonly version: string;
  /** Bytes of an archive that is loaded. */
  readonly maxArchiveSize: number;
}

/** A flag as Docker's clients write it. */
export const flag = v.pipe(
  v.optional(v.picklist(['', '0', '1', 'true', 'false', 'True', 'False']), ''),
  v.transform((text) => /^(?:1|true)$/i.test(text)),
);

/** A text that may be absent, and is no longer than anything that makes sense. */
export const shortText = v.optional(v.pipe(v.string(), v.maxLength(1000)));

/** The parameters of routes that concern one image. */
export const imageParams = v.object({ name: v.pipe(v.string(), v.maxLength(1000)) });

/** Aborts when whoever asked hangs up, or has the answer. */
export function signalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
