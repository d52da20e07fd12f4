import { filter, fromEvent, map, merge, type Observable } from 'rxjs';
import { byID } from './elements.js';
import type { SlotsNews } from '../news.js';

/** What the concurrency is changed to, by the field or the buttons beside it. */
export function chosenLimits(): Observable<number> {
  const form = byID('concurrency', HTMLFormElement);
  const field = byID('limit', HTMLInputElement);
  const typed$ = merge(fromEvent(field, 'change'), fromEvent(form, 'submit')).pipe(
    map((event) => {
      event.preventDefault();
      return field.reportValidity() ? field.valueAsNumber : undefined;
    }),
  );
  const buttons = [...form.querySelectorAll<HTMLButtonElement>('button[data-step]')];
  const stepped$ = merge(
    ...buttons.map((button) =>
      fromEvent(button, 'click').pipe(
        map(() => {
          const limit = Math.max(0, (field.valueAsNumber || 0) + Number(button.dataset['step']));
          field.valueAsNumber = limit;
          return limit;
        }),
      ),
    ),
  );
  return merge(typed$, stepped$).pipe(filter((limit) => limit !== undefined));
}

/** Shows the limit that there is, but to whoever is typing another. */
export function renderLimit(slots: SlotsNews | undefined): void {
  const field = byID('limit', HTMLInputElement);
  field.disabled = slots === undefined;
  if (slots === undefined || document.activeElement === field) return;
  if (field.valueAsNumber !== slots.limit) field.valueAsNumber = slots.limit;
}
