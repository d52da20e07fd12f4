import { concat, defer, from, map, NEVER, type MonoTypeOperatorFunction } from 'rxjs';
import type { LayerLease, LayerStore, StagedLayer } from '../layer/index.js';
import type { ChainID } from '../oci/index.js';
import { resultEvent, type TransferJob } from '../transfer/index.js';

/**
 * The job that registers a staged layer on its parent. It holds its own lease on the layer and
 * lives on after its result, so that whoever shares it can take theirs.
 */
export function registerLayer(
  store: LayerStore,
  staged: StagedLayer,
  parent: ChainID | undefined,
  observed$: MonoTypeOperatorFunction<LayerLease>,
): TransferJob<LayerLease> {
  return (context) => {
    // A rename can't be called back: a registration under way is seen through, then given up.
    const registering = store.register(staged, parent);
    context.cleanup(
      defer(() =>
        from(
          registering.then(
            (lease) => lease.release(),
            () => undefined,
          ),
        ),
      ),
    );
    return concat(from(registering).pipe(observed$, map(resultEvent)), NEVER);
  };
}
