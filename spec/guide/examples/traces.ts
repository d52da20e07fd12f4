import {
  createRegistryClient,
  createRxfer,
  type RegistryClient,
  type Rxfer,
  type Store,
} from 'rxfer';
import { openTelemetry } from 'rxfer/opentelemetry';

/** Moves images, with spans for the SDK that the program has registered. */
export function tracedRxfer(store: Store): { registry: RegistryClient; rxfer: Rxfer } {
  const { observeRequest, observeOperation } = openTelemetry();
  const registry = createRegistryClient({ observeRequest });
  return { registry, rxfer: createRxfer({ store, registry, observeOperation }) };
}
