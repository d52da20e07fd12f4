import { setTimeout as delay } from 'node:timers/promises';

/** Waits until something is so; the spec's own timeout is the limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(20);
}
