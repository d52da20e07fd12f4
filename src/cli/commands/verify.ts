import { catchError, concatMap, filter, from, map, mergeMap, of, tap, toArray } from 'rxjs';
import type { Observable } from 'rxjs';
import { fromAbortable } from '../../distribution/index.js';
import type { Rxfer } from '../../image/index.js';
import { StoreError, type Verification } from '../../layer/index.js';
import { RxferError } from '../../transfer/index.js';
import { counted } from '../counted.js';
import type { StoreOptions } from '../options.js';
import { runSession } from '../session.js';

/** The options of `rxfer verify`. */
export interface VerifyOptions extends StoreOptions {
  readonly format: 'text' | 'json';
  readonly repair?: boolean;
  readonly plainHttp?: boolean;
}

interface Repair {
  readonly reference: string;
  /** Why it failed. */
  readonly error?: string;
}

/** `rxfer verify`; fails when something is damaged, and stays so. */
export async function verify(options: VerifyOptions): Promise<void> {
  const [found, repairs] = await runSession(options, ({ store, rxfer }) => {
    const mode = options.repair === true ? 'remove' : 'report';
    const found$ = fromAbortable((signal) => store.verify({ mode, signal }));
    return found$.pipe(
      mergeMap((all) => repaired(rxfer, mode === 'remove' ? all.affected : [], all)),
    );
  });
  if (options.format === 'json') console.log(JSON.stringify({ ...found, repairs }));
  else for (const line of linesOf(found, repairs)) console.log(line);
  const { omissions } = found;
  if (omissions.length > 0) console.error(`Not looked at here: ${omissions.join(', ')}`);
  const cured = new Set(repairs.filter(({ error }) => error === undefined).map(nameOf));
  const left = found.damages.filter(({ removed, name }) => !removed && !cured.has(name)).length;
  const failed = repairs.length - cured.size;
  if (left === 0 && failed === 0) return;
  throw new StoreError(
    'ERR_STORE_DAMAGED',
    options.store,
    `The store in ${options.store} is damaged`,
    options.repair === true
      ? 'Pull what could not be repaired from elsewhere, or remove it: rxfer rmi REF'
      : 'Fetch what is damaged anew: rxfer verify --repair',
  );
}

/** Pulls the images again that lack something, one after the other. */
function repaired(
  rxfer: Rxfer,
  references: readonly string[],
  found: Verification,
): Observable<[Verification, Repair[]]> {
  return from(references).pipe(
    concatMap((reference) =>
      rxfer.repair(reference).pipe(
        filter((event) => event.kind === 'result'),
        tap(({ release }) => release()),
        map((): Repair => ({ reference })),
        catchError((error: unknown) => of({ reference, error: messageOf(error) })),
      ),
    ),
    toArray(),
    map((repairs) => [found, repairs]),
  );
}

function* linesOf({ damages, checked }: Verification, repairs: Repair[]): Generator<string> {
  for (const { kind, name, problem, removed } of damages) {
    yield `${kind} ${name}: ${problem}${removed ? '; removed' : ''}`;
  }
  for (const { reference, error } of repairs) {
    yield error === undefined ? `repaired ${reference}` : `not repaired ${reference}: ${error}`;
  }
  const { blobs, layers, images } = checked;
  yield `${counted(blobs, 'blob')}, ${counted(layers, 'layer')}, ${counted(images, 'image')} checked; ${damages.length} damaged`;
}

function nameOf({ reference }: Repair): string {
  return reference;
}

function messageOf(error: unknown): string {
  return error instanceof RxferError ? error.message : String(error);
}
