import { Observable } from 'rxjs';
import type { ActivityNews } from '../news.js';

/** The state of the connection, or news over it. A new connection begins the news anew. */
export type Heard =
  | { readonly kind: 'connected' }
  | { readonly kind: 'lost' }
  /** It isn't tried again: the token is refused, or there is none. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'news'; readonly news: ActivityNews };

/** The news of the engine, as server-sent events; connects again when the connection is lost. */
export function connectTo(token: string): Observable<Heard> {
  return new Observable((subscriber) => {
    const source = new EventSource(`./events?token=${encodeURIComponent(token)}`);
    source.onopen = () => subscriber.next({ kind: 'connected' });
    source.onerror = () =>
      subscriber.next({ kind: source.readyState === EventSource.CLOSED ? 'refused' : 'lost' });
    source.onmessage = ({ data }) =>
      subscriber.next({ kind: 'news', news: JSON.parse(String(data)) as ActivityNews });
    return () => source.close();
  });
}

/** Asks the engine for something. Rejects with what it answers when it refuses. */
export async function ask(token: string, path: string, body?: object): Promise<void> {
  const response = await fetch(path, {
    method: 'POST',
    headers: {
      'x-rxfer-token': token,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.ok) return;
  const { message } = (await response.json()) as { message?: string };
  throw new Error(message ?? response.statusText);
}
