/**
 * A process that uses the library once, for specs that see whether it ends by itself: it says in a
 * file what came of it, and what is left open then.
 */
import { appendFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { getActiveResourcesInfo } from 'node:process';
import { lastValueFrom, takeUntil, takeWhile, tap, timer, type Observable } from 'rxjs';
import {
  createRegistryClient,
  createRxfer,
  openDiskStore,
  type CopyEvent,
  type PullEvent,
  type RegistryClient,
  type Rxfer,
} from '../../../src/index.js';

const [file = '', scenario = '', host = '', folder = ''] = process.argv.slice(2);
const say = (news: object): void => appendFileSync(file, `${JSON.stringify(news)}\n`);

type Use = (rxfer: Rxfer, client: RegistryClient) => Promise<unknown>;
const name = `${host}/app:v1`;
const isDownloading = (event: PullEvent | CopyEvent): boolean =>
  event.kind === 'progress' && event.progress.phase === 'Downloading';
/** Leaves as soon as something is so. */
const until = <E>(events$: Observable<E>, holds: (event: E) => boolean): Promise<unknown> =>
  lastValueFrom(events$.pipe(takeWhile((event) => !holds(event), true)));

const uses: Readonly<Record<string, Use>> = {
  pulled: (rxfer) =>
    lastValueFrom(
      rxfer.pull(name).pipe(tap((event) => event.kind === 'result' && event.release())),
    ),
  'pulled and not released': (rxfer) => lastValueFrom(rxfer.pull(name)),
  'not found': (rxfer) => lastValueFrom(rxfer.pull(`${host}/none:v1`)),
  'cancelled in a layer': (rxfer) => until(rxfer.pull(`${host}/slow:v1`), isDownloading),
  'cancelled before an answer': (rxfer) =>
    lastValueFrom(rxfer.pull(`${host}/silent:v1`).pipe(takeUntil(timer(300))), {
      defaultValue: undefined,
    }),
  'cancelled in a wait': (rxfer) =>
    until(rxfer.pull(`${host}/down:v1`), (event) => event.kind === 'retry'),
  'closed in a layer': (rxfer, client) =>
    lastValueFrom(
      rxfer
        .pull(`${host}/slow:v1`)
        .pipe(tap((event) => isDownloading(event) && void client.close())),
    ),
  copied: (rxfer) => lastValueFrom(rxfer.copy(name, `oci:${folder}/layout:v1`)),
  'pushed on': (rxfer) => lastValueFrom(rxfer.copy(name, `${host}/copy:v1`, { referrers: 'all' })),
  listed: (rxfer) => lastValueFrom(rxfer.tags(`${host}/app`)),
};

async function use(): Promise<void> {
  const client = createRegistryClient({ headersTimeout: 60_000 });
  const rxfer = createRxfer({ store: await openDiskStore(`${folder}/store`), registry: client });
  await uses[scenario]?.(rxfer, client).then(
    () => say({ outcome: 'done' }),
    (error: unknown) => {
      const { code, message } = error as Record<string, unknown>;
      say({ outcome: code ?? message });
    },
  );
  await client.close();
  // What is closing needs some turns; a timer or a socket that is kept stays.
  for (let turns = 0; turns < 200 && left().length > 0; turns++) await turn();
  say({ left: left() });
}

/** But for files that are being removed or closed, which end when they have been. */
function left(): string[] {
  return getActiveResourcesInfo().filter((resource) => !resource.startsWith('FSReq'));
}

process.once('beforeExit', () => say({ ended: 'by itself' }));
void use();
