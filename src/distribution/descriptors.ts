import type { Observable } from 'rxjs';
import type { BlobBody, BlobRequest, Descriptor, DiffID } from '../oci/index.js';
import type { TransferEvent } from '../transfer/index.js';

/** A layer that may need to be downloaded. */
export interface DownloadDescriptor {
  /** Deduplicates downloads: two descriptors of one key are one fetch. The blob's digest serves. */
  readonly key: string;
  /** For display. */
  readonly id: string;
  /** What arrives is verified against its digest and size, and unpacked by its media type. */
  readonly blob: Descriptor;
  /** The digest of the uncompressed layer, where it is known before the download. */
  readonly diffID?: DiffID;
  /**
   * Opens the blob from an offset. Called once an attempt; the manager reads the body to its end
   * or destroys it. A rejection is retried unless it is a DoNotRetry or an abort.
   */
  download(request: BlobRequest): Promise<BlobBody>;
  /** Called each time the layer was registered. */
  registered?(diffID: DiffID): void;
  /** Called exactly once, in every outcome, when the manager is finished with this descriptor. */
  close(): void;
}

/** What an upload holds while it moves data. */
export interface UploadSlot {
  /**
   * Says that all data was moved: the next layer gets the slot, while this one is made safe. What
   * goes wrong afterwards is tried again without a slot. Further calls do nothing.
   */
  inactive(): void;
}

/** A layer that may need to be uploaded. */
export interface UploadDescriptor {
  /** Deduplicates uploads: two descriptors of one key are one upload. */
  readonly key: string;
  /** For display. */
  readonly id: string;
  /** The digest of the uncompressed layer; an artifact's layers have none. */
  readonly diffID?: DiffID;
  /**
   * One attempt to bring the layer to the target: cold, emits progress and then one result with
   * what the target stores, completes, and is cancelled by unsubscribing. When it errors it is
   * subscribed again, as far as retries go. The slot is the manager's, and taken back at the end.
   */
  upload(slot: UploadSlot): Observable<TransferEvent<Descriptor>>;
  /**
   * Whether the last attempt got somewhere that the next one goes on from, so that the count of
   * attempts begins again. Default: never.
   */
  gotSomewhere?(): boolean;
  /** Receives what the target stores, once the upload is done. */
  setRemoteDescriptor(descriptor: Descriptor): void;
}
