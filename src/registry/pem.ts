import { createPrivateKey, X509Certificate } from 'node:crypto';

/** What a file of PEM is read for. */
export type PemKind = 'certificate' | 'key';

/** What to do about a file that {@link checkPem} refuses. */
export const pemHint = 'Put it there as PEM, a key without a passphrase.';

/** @throws What OpenSSL says of a text that isn't the PEM of that kind. */
export function checkPem(kind: PemKind, text: string): void {
  if (kind === 'key') createPrivateKey(text);
  else new X509Certificate(text);
}
