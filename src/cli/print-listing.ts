import { take, tap, toArray, type Observable } from 'rxjs';
import type { Rxfer } from '../image/index.js';
import type { RemoteOptions } from './options.js';
import { runWithoutStore } from './session.js';

/** The options of the commands that list what a registry has. */
export interface ListingCommandOptions extends RemoteOptions {
  readonly limit?: number;
}

/** Prints entries line by line as they come, or all of them as one JSON object. */
export async function printListing<T>(
  options: ListingCommandOptions,
  host: string,
  list: (rxfer: Rxfer) => Observable<T>,
  json: (entries: readonly T[]) => object,
  text: (entry: T) => string = String,
): Promise<void> {
  const { format, limit = Infinity } = options;
  const entries = await runWithoutStore({ ...options, hosts: [host] }, (rxfer) =>
    list(rxfer).pipe(
      take(limit),
      tap((entry) => {
        if (format === 'text') console.log(text(entry));
      }),
      toArray(),
    ),
  );
  if (format === 'json') console.log(JSON.stringify(json(entries)));
}
