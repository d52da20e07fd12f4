import { take, tap, toArray, type Observable } from 'rxjs';
import type { Rxfer } from '../image/index.js';
import { runRemote, type RemoteOptions } from './remote-session.js';

/** The options of the commands that list what a registry has. */
export interface ListingCommandOptions extends RemoteOptions {
  readonly limit?: number;
}

/** Prints names line by line as they come, or all of them as one JSON object. */
export async function printListing(
  options: ListingCommandOptions,
  host: string,
  list: (rxfer: Rxfer) => Observable<string>,
  json: (names: readonly string[]) => object,
): Promise<void> {
  const { format, limit = Infinity } = options;
  const names = await runRemote(options, [host], (rxfer) =>
    list(rxfer).pipe(
      take(limit),
      tap((name) => {
        if (format === 'text') console.log(name);
      }),
      toArray(),
    ),
  );
  if (format === 'json') console.log(JSON.stringify(json(names ?? [])));
}
