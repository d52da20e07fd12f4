import * as v from 'valibot';
import type { Credential } from '../registry/index.js';
import { EngineRequestError } from './errors.js';

const text = v.optional(v.pipe(v.string(), v.maxLength(64 * 1024)), '');

/** How somebody shows themselves to a registry (Engine API, AuthConfig). */
export const authConfig = v.object({
  username: text,
  password: text,
  auth: text,
  serveraddress: text,
  identitytoken: text,
  registrytoken: text,
});

/** What {@link authConfig} lets in. */
export type AuthConfig = v.InferOutput<typeof authConfig>;

/**
 * Reads the header X-Registry-Auth (Engine API, Authentication): an AuthConfig as JSON, in base64
 * for URLs. Clients send an empty one when they aren't logged in.
 *
 * @throws EngineRequestError
 */
export function parseRegistryAuth(header: string | undefined): Credential | undefined {
  if (header === undefined || header === '') return undefined;
  const json = Buffer.from(header, 'base64url').toString();
  const outcome = v.safeParse(v.pipe(v.string(), v.parseJson(), v.nullable(authConfig)), json);
  if (!outcome.success) {
    throw new EngineRequestError(
      'The header X-Registry-Auth is malformed',
      'It holds an object in JSON, in base64 for URLs.',
    );
  }
  return outcome.output === null ? undefined : credentialFrom(outcome.output);
}

/** The credential that is stated, if any is. */
export function credentialFrom(stated: AuthConfig): Credential | undefined {
  const { identitytoken, registrytoken, ...login } = stated;
  if (registrytoken !== '') return { kind: 'bearer', token: registrytoken };
  if (identitytoken !== '') return { kind: 'identity', token: identitytoken };
  const [username, password] =
    login.username === '' ? split(login.auth) : [login.username, login.password];
  return username === '' ? undefined : { kind: 'basic', username, password };
}

/** `auth` is the two with a colon between, in base64. */
function split(auth: string): [username: string, password: string] {
  const plain = Buffer.from(auth, 'base64').toString();
  const colon = plain.indexOf(':');
  return colon < 0 ? ['', ''] : [plain.slice(0, colon), plain.slice(colon + 1)];
}
