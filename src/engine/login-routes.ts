import { firstValueFrom } from 'rxjs';
import { fromAbortable } from '../distribution/index.js';
import { parseHost } from '../oci/index.js';
import { UnauthorizedError } from '../registry/index.js';
import { untilAborted } from '../transfer/index.js';
import { EngineRequestError } from './errors.js';
import type { CheckedServer } from './http-server.js';
import { signalOf, type EngineParts } from './parts.js';
import { authConfig, credentialFrom } from './registry-auth.js';

/** Whether a login is taken. Docker's client keeps it; the engine doesn't. */
export function loginRoutes(app: CheckedServer, parts: EngineParts): void {
  void app.register((own, _options, done) => {
    own.removeAllContentTypeParsers();
    own.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, parsed) =>
      parsed(null, jsonOf(body as string)),
    );
    loginRoute(own, parts);
    done();
  });
}

function loginRoute(app: CheckedServer, { clients }: EngineParts): void {
  app.post('/auth', { schema: { body: authConfig } }, async ({ body }, reply) => {
    const host = hostOf(body.serveraddress);
    const check$ = clients.useAlone(host, credentialFrom(body), (client) =>
      fromAbortable((signal) => client.check(host, signal)),
    );
    try {
      await firstValueFrom(check$.pipe(untilAborted(signalOf(reply))));
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      const { message, hint = '' } = error;
      throw new EngineRequestError(message, hint, { status: 401, cause: error });
    }
    return { Status: 'Login Succeeded', IdentityToken: '' };
  });
}

/** The schema says what is wrong with what isn't JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Clients write it as an address too; without one, Docker Hub is meant. */
function hostOf(address: string): string {
  const bare = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return bare === '' || /^(?:index|registry-1)\.docker\.io$/.test(bare)
    ? 'docker.io'
    : parseHost(bare);
}
