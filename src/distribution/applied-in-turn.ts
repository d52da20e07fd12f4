import type { Readable } from 'node:stream';
import { filter, firstValueFrom, type Observable } from 'rxjs';
import type { AppendOptions, AppliedBlob, FolderIngestion } from '../layer/index.js';
import { untilAborted } from '../transfer/index.js';

/**
 * The way of a layer onto a folder, on which nothing passes before the layers below are there.
 *
 * @param index the layer's place, from 0 at the bottom.
 * @param applied$ how many layers are there, at once and whenever one is.
 */
export class AppliedInTurn implements FolderIngestion {
  readonly #ingestion: FolderIngestion;
  readonly #turn$: Observable<unknown>;

  constructor(ingestion: FolderIngestion, index: number, applied$: Observable<number>) {
    this.#ingestion = ingestion;
    this.#turn$ = applied$.pipe(filter((count) => count >= index));
  }

  get offset(): number {
    return this.#ingestion.offset;
  }

  async append(body: Readable, options: AppendOptions): Promise<void> {
    // A body that fails meanwhile is found so by whoever reads it then.
    const ignore = (): void => undefined;
    body.on('error', ignore);
    try {
      await this.#turn(options.signal);
    } catch (error) {
      body.destroy();
      throw error;
    }
    const appended = this.#ingestion.append(body, options);
    body.off('error', ignore);
    return appended;
  }

  async complete(signal: AbortSignal): Promise<AppliedBlob> {
    await this.#turn(signal);
    return this.#ingestion.complete(signal);
  }

  close(): Promise<void> {
    return this.#ingestion.close();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    await firstValueFrom(this.#turn$.pipe(untilAborted(signal)));
  }
}
