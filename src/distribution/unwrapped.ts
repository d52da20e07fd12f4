import { catchError, throwError, type MonoTypeOperatorFunction } from 'rxjs';
import { DoNotRetry } from '../transfer/index.js';

/** Errors with what a DoNotRetry stands for: it has done its work once the retries are over. */
export function unwrapped<T>(): MonoTypeOperatorFunction<T> {
  return catchError((error: unknown) =>
    throwError(() => (error instanceof DoNotRetry ? error.cause : error)),
  );
}
