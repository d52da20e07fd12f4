import { EngineRequestError } from './errors.js';

/** Milliseconds of the units of Go's durations. */
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * A time as Docker's clients state it, in ms since 1970: seconds since 1970, a date (RFC 3339), or
 * a duration of Go, such as `1h30m`, which is that long ago.
 *
 * @throws EngineRequestError
 */
export function parseMoment(text: string, now: number): number {
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  if (/^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h))+$/.test(text)) return now - durationOf(text);
  const date = /^\d{4}-\d\d-\d\d(?:T[\d:.]{5,18}(?:Z|[+-]\d\d:\d\d)?)?$/.test(text)
    ? Date.parse(text)
    : NaN;
  if (!Number.isNaN(date)) return date;
  const hint = 'Write seconds since 1970, a date, or how long ago it was, such as 1h30m.';
  throw new EngineRequestError(`'${text.slice(0, 100)}' is no time`, hint);
}

function durationOf(text: string): number {
  const parts = text.matchAll(/([\d.]+)(ms|s|m|h)/g);
  return [...parts].reduce(
    (sum, [, value, unit = '']) => sum + Number(value) * (units[unit] ?? 0),
    0,
  );
}
