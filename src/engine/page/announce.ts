import { byID, setText } from './elements.js';
import { nameOf, outcomeOf } from './render-operations.js';
import type { DashboardState } from './state.js';

/** Says to those who can't look what has begun and ended, and no more than that. */
export function announceChanges(before: DashboardState, after: DashboardState): void {
  const known = new Map(before.operations.map((operation) => [operation.id, operation]));
  const news = after.operations.flatMap((operation) => {
    const former = known.get(operation.id);
    if (former === undefined)
      return operation.ended === undefined ? [`${nameOf(operation)} begins`] : [];
    if (former.ended !== undefined || operation.ended === undefined) return [];
    return [`${nameOf(operation)}: ${outcomeOf(operation)}`];
  });
  if (news.length > 0) announce(news.join('. '));
}

/** Has a text read out. */
export function announce(text: string): void {
  setText(byID('announcer', HTMLElement), text);
}
