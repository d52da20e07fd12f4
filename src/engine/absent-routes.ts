import { EngineRequestError } from './errors.js';
import type { CheckedServer } from './http-server.js';

/** What Docker's engine has beside images, and how one of it is looked up. */
const absent = [
  { family: 'containers', one: 'container', lookUp: /^\/containers\/(.+)\/json$/ },
  { family: 'exec', one: 'exec instance', lookUp: /^\/exec\/(.+)\/json$/ },
  { family: 'networks', one: 'network', lookUp: /^\/networks\/(.+)$/ },
  { family: 'volumes', one: 'volume', lookUp: /^\/volumes\/(.+)$/ },
  { family: 'plugins', one: 'plugin', lookUp: /^\/plugins\/(.+)\/json$/ },
  { family: 'services', one: 'service', lookUp: /^\/services\/(.+)$/ },
  { family: 'tasks', one: 'task', lookUp: /^\/tasks\/(.+)$/ },
  { family: 'nodes', one: 'node', lookUp: /^\/nodes\/(.+)$/ },
  { family: 'secrets', one: 'secret', lookUp: /^\/secrets\/(.+)$/ },
  { family: 'configs', one: 'config', lookUp: /^\/configs\/(.+)$/ },
] as const;
const hint = 'Use a Docker engine for it; docs/engine.md has what rxfer answers.';

/**
 * What Docker's engine does and rxfer doesn't: 501, since clients take a 404 for something that is
 * missing: `docker run` would pull the image and try again. Looking one up is a 404, since none has
 * that name: `docker inspect` goes on to the next kind of thing.
 */
export function absentRoutes(app: CheckedServer): void {
  for (const { family, one, lookUp } of absent) {
    const refuse = ({ method, url }: { method: string; url: string }): never => {
      const [, name] = lookUp.exec(url.replace(/\?.*$/s, '')) ?? [];
      if (method === 'GET' && name !== undefined)
        throw missing(`No such ${one}: ${shown(name)}`, 404);
      throw missing(`rxfer moves images and has no ${family}`, 501);
    };
    app.all(`/${family}`, refuse);
    app.all(`/${family}/*`, refuse);
  }
  for (const path of ['/build', '/build/*', '/commit', '/session', '/grpc']) {
    app.all(path, () => {
      throw missing('rxfer moves images and makes none', 501);
    });
  }
  app.get('/images/search', () => {
    throw missing('rxfer searches no registry', 501);
  });
}

function missing(message: string, status: 404 | 501): EngineRequestError {
  return new EngineRequestError(message, hint, { status });
}

function shown(name: string): string {
  try {
    return decodeURIComponent(name).slice(0, 100);
  } catch {
    return name.slice(0, 100);
  }
}
