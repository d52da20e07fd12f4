import {
  animationFrameScheduler,
  auditTime,
  combineLatest,
  filter,
  interval,
  map,
  merge,
  pairwise,
  scan,
  share,
  startWith,
  Subject,
  concatMap,
  tap,
} from 'rxjs';
import { announce, announceChanges } from './announce.js';
import { ask, connectTo, type Heard } from './connect.js';
import { chosenLimits, renderLimit } from './concurrency.js';
import { byID, setText } from './elements.js';
import { renderLayers } from './render-layers.js';
import { renderOperations } from './render-operations.js';
import { renderTotals } from './render-totals.js';
import { emptyState, reduceNews, type DashboardState } from './state.js';
import { viewOf } from './view.js';

const connections: Readonly<Record<Exclude<Heard['kind'], 'news'>, string>> = {
  connected: 'Live',
  lost: 'The connection is lost; trying again…',
  refused: 'The engine has ended, or this is not the whole address that rxfer has printed',
};

const token = location.hash.slice(1);
const cancels$ = new Subject<string>();

const heard$ = connectTo(token).pipe(share());
const connection$ = heard$.pipe(
  map(({ kind }) => kind),
  filter((kind) => kind !== 'news'),
  tap((kind) => showConnection(kind)),
);
/** The time until which the page knows what happens; `undefined`: now. */
const knownUntil$ = connection$.pipe(
  map((kind) => (kind === 'connected' ? undefined : Date.now())),
  scan(
    (until, lost) => (lost === undefined ? undefined : (until ?? lost)),
    undefined as number | undefined,
  ),
  startWith(undefined),
);

const state$ = heard$.pipe(
  scan((state, heard): DashboardState => {
    // A new connection tells everything anew.
    if (heard.kind === 'connected') return emptyState;
    return heard.kind === 'news' ? reduceNews(state, heard.news) : state;
  }, emptyState),
  share(),
);

const drawn$ = combineLatest([
  state$.pipe(startWith(emptyState), auditTime(0, animationFrameScheduler)),
  knownUntil$,
  interval(250).pipe(startWith(0)),
]).pipe(tap(([state, knownUntil]) => draw(state, knownUntil ?? Date.now())));

const announced$ = state$.pipe(
  startWith(emptyState),
  pairwise(),
  tap(([before, after]) => announceChanges(before, after)),
);

const asked$ = merge(
  cancels$.pipe(map((id) => [`./operations/${id}/cancel`] as const)),
  chosenLimits().pipe(map((limit) => ['./concurrency', { limit }] as const)),
).pipe(concatMap(([path, body]) => ask(token, path, body).catch(tellFailure)));

merge(announced$, drawn$, asked$).subscribe();

function draw(state: DashboardState, now: number): void {
  const view = viewOf(state, now);
  renderLimit(state.slots);
  renderTotals(view, state);
  renderOperations(view, (id) => cancels$.next(id));
  renderLayers(view);
}

function showConnection(kind: keyof typeof connections): void {
  const shown = byID('connection', HTMLElement);
  setText(shown, connections[kind]);
  shown.classList.toggle('bad', kind !== 'connected');
}

function tellFailure(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  setText(byID('connection', HTMLElement), text);
  announce(text);
}
