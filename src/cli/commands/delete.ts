import { concatMap, from, tap, toArray } from 'rxjs';
import { parseReference } from '../../oci/index.js';
import type { RemoteOptions } from '../options.js';
import { runWithoutStore } from '../session.js';
import { UsageError } from '../usage-error.js';

/** `rxfer delete REF…`: from the registries, one after the other, until one can't be deleted. */
export async function deleteRemote(
  texts: readonly string[],
  options: RemoteOptions,
): Promise<void> {
  const hosts = texts.map((text) => {
    const { host, tag, digest } = parseReference(text);
    if (digest !== undefined || text.endsWith(`:${tag ?? ''}`)) return host;
    throw new UsageError(
      `'${text}' names neither a tag nor a digest`,
      `Say what is to be deleted for everybody: ${text}:latest, or another tag.`,
    );
  });
  const deleted = await runWithoutStore({ ...options, hosts }, (rxfer) =>
    from(texts).pipe(
      concatMap((text) => rxfer.delete(text)),
      tap((reference) => {
        if (options.format === 'text') console.log(reference);
      }),
      toArray(),
    ),
  );
  if (options.format === 'json') console.log(JSON.stringify({ deleted }));
}
