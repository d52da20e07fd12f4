import type { Readable } from 'node:stream';

/** Ends a body that nobody wants, and its socket, since reading what is left may take long. */
export function abandon({ body }: { readonly body: Readable }): void {
  // A body that is destroyed early says so by an error, which would end the process unheard.
  body.on('error', () => undefined).destroy();
}
