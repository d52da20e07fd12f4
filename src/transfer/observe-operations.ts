import { identity, type MonoTypeOperatorFunction } from 'rxjs';

/** What anybody may know of an operation. */
export interface OperationFacts {
  readonly name: 'pull' | 'push' | 'copy' | 'download' | 'register' | 'upload';
  /** Of the image, where it is about a whole one. */
  readonly reference?: string;
  /** The layer's id in progress events, where it is about one. */
  readonly layer?: string;
  readonly digest?: string;
  /** In bytes. */
  readonly size?: number;
}

/**
 * Sees operations: gives the operator that stands around one, and must pass on what it gets.
 *
 * It is called where the operation is asked for, and the operator is subscribed where it begins,
 * which for a layer is when it gets its slot, in the midst of somebody else's work. An operation
 * that several share is that of the first.
 */
export type OperationObserver = <T>(operation: OperationFacts) => MonoTypeOperatorFunction<T>;

/** Sees nothing. The default wherever an observer may be given. */
export const unobserved: OperationObserver = () => identity;
