import { byID, make, reconcile, setText } from './elements.js';
import type { OperationState } from './state.js';
import type { View } from './view.js';

const verbs = { pull: 'Pull', push: 'Push', load: 'Load' } as const;
const outcomes = { done: 'Done', failed: 'Failed', cancelled: 'Cancelled' } as const;

/** Shows the images that move, each with a button that cancels it. */
export function renderOperations({ operations }: View, cancel: (id: string) => void): void {
  const list = byID('operations', HTMLOListElement);
  byID('nothing', HTMLElement).hidden = operations.length > 0;
  reconcile(
    list,
    operations,
    ({ id }) => id,
    (operation) => newItem(operation, cancel),
    updateItem,
  );
}

/** What is called a pull, push or load where it is spoken of. */
export function nameOf({ what, reference }: OperationState): string {
  return `${verbs[what]} of ${reference}`;
}

/** What became of it, in a sentence. */
export function outcomeOf({ ended, snapshot }: OperationState): string {
  if (ended === undefined) {
    const { totals, layers } = snapshot;
    return layers.length === 0 ? 'Resolving' : `${totals.done} of ${layers.length} layers`;
  }
  const why = ended.message === undefined ? '' : `: ${ended.message}`;
  return ended.outcome === 'done' ? outcomes.done : `${outcomes[ended.outcome]}${why}`;
}

function newItem(operation: OperationState, cancel: (id: string) => void): HTMLElement {
  const item = make('li');
  const reference = make('span', 'reference');
  reference.append(`${verbs[operation.what]} `, make('strong', '', operation.reference));
  const progress = make('progress');
  progress.setAttribute('aria-label', nameOf(operation));
  const button = make('button', '', 'Cancel');
  button.type = 'button';
  button.setAttribute('aria-label', `Cancel ${nameOf(operation)}`);
  button.addEventListener('click', () => {
    if (button.ariaDisabled !== 'true') cancel(operation.id);
  });
  item.append(
    make('span', 'chip', operation.id),
    reference,
    progress,
    make('span', 'outcome'),
    button,
  );
  return item;
}

function updateItem(item: HTMLElement, operation: OperationState): void {
  const { ended, snapshot } = operation;
  item.dataset['outcome'] = ended?.outcome ?? 'none';
  const progress = item.querySelector('progress');
  const outcome = item.querySelector('.outcome');
  const button = item.querySelector('button');
  if (progress === null || outcome === null || button === null) return;
  const { current, total, done } = snapshot.totals;
  const isWhole = ended?.outcome === 'done' || (total === 0 && done > 0);
  progress.max = Math.max(1, total);
  progress.value = isWhole ? progress.max : current;
  setText(outcome, outcomeOf(operation));
  // Neither removed nor disabled, so that whoever stands on it keeps their place.
  button.ariaDisabled = String(ended !== undefined);
}
