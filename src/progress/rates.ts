import { defer, map, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import type { LayerSnapshot, ProgressSnapshot } from './snapshot.js';

/** How fast old measurements lose their weight: by 1/e in this time, in ms. */
const fading = 2000;
/** A meter says nothing before it has measured for this long, in ms. */
const shortest = 500;

/**
 * Adds to each snapshot the rates in bytes per second, measured over about the last two seconds.
 * The same snapshot again, later, shows that nothing has moved meanwhile. Completes and errors with
 * the source.
 */
export function withRates(scheduler: SchedulerLike): MonoTypeOperatorFunction<ProgressSnapshot> {
  return (snapshots$) =>
    defer(() => {
      const meters = new Map<string, ByteMeter>();
      const whole = new RateMeter(scheduler.now());
      return snapshots$.pipe(
        map(({ layers, totals, ...rest }) => {
          const now = scheduler.now();
          let moved = 0;
          const measured = layers.map((layer) => {
            const meter = meters.get(layer.id) ?? new ByteMeter(now);
            meters.set(layer.id, meter);
            moved += meter.moveTo(layer.moved);
            if (isMoving(layer)) return withRate(layer, meter.rateAt(now));
            meter.pause(now);
            return layer;
          });
          whole.add(moved);
          return { ...rest, layers: measured, totals: withRate(totals, whole.rateAt(now)) };
        }),
      );
    });
}

function isMoving({ current, size, done }: LayerSnapshot): boolean {
  return !done && current !== undefined && current !== size;
}

function withRate<T extends object>(of: T, rate: number | undefined): T {
  return rate === undefined ? of : { ...of, rate };
}

/** Bytes per second, exponentially smoothed, without the bias of the beginning. */
class RateMeter {
  readonly #since: number;
  #at: number;
  #pending = 0;
  #smoothed = 0;

  constructor(now: number) {
    this.#since = now;
    this.#at = now;
  }

  add(bytes: number): void {
    this.#pending += bytes;
  }

  rateAt(now: number): number | undefined {
    const elapsed = now - this.#at;
    if (elapsed > 0) {
      const kept = Math.exp(-elapsed / fading);
      const latest = (this.#pending * 1000) / elapsed;
      this.#smoothed = this.#smoothed * kept + latest * (1 - kept);
      this.#pending = 0;
      this.#at = now;
    }
    const age = now - this.#since;
    return age < shortest ? undefined : Math.round(this.#smoothed / (1 - Math.exp(-age / fading)));
  }
}

/** A meter of a layer's bytes, which may begin anywhere and fall back on a new attempt. */
class ByteMeter {
  #meter: RateMeter;
  #moved: number | undefined;

  constructor(now: number) {
    this.#meter = new RateMeter(now);
  }

  /** Tells how many bytes moved since. */
  moveTo(moved: number | undefined): number {
    const bytes = Math.max(0, (moved ?? 0) - (this.#moved ?? moved ?? 0));
    this.#moved = moved;
    this.#meter.add(bytes);
    return bytes;
  }

  rateAt(now: number): number | undefined {
    return this.#meter.rateAt(now);
  }

  /** Begins anew when bytes move again. */
  pause(now: number): void {
    this.#meter = new RateMeter(now);
  }
}
