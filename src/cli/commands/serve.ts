import { lastValueFrom } from 'rxjs';
import { createEngine, type Connect } from '../../engine/index.js';
import { createRxfer } from '../../image/index.js';
import { InterruptedError, interrupted$ } from '../interrupt.js';
import { openLogger } from '../logging.js';
import { openClient } from '../open-client.js';
import { openStore } from '../open-store.js';
import { pageFolder } from '../page-folder.js';
import { dashboardAddress, type ServeOptions } from '../serve-options.js';

/** `rxfer serve`: until it is interrupted, which is how it is meant to end. */
export async function serve(options: ServeOptions, version: string): Promise<void> {
  const { listen, allowRemote, concurrency } = options;
  // Whoever asks brings the login, or has none: this user's own are not lent.
  const connect: Connect = (credentials) => openClient(options, [], credentials);
  const registry = connect(() => Promise.resolve(undefined));
  const store = await openStore(options);
  const limit = concurrency === undefined ? {} : { concurrency };
  const logger = openLogger(options);
  const rxfer = createRxfer({ store, registry, logger, ...limit });
  const engine = createEngine({ rxfer, store, connect, version, logger });
  try {
    const reach = allowRemote === true ? 'network' : 'loopback';
    console.log(`Listening on ${await engine.listen(listen, { reach })}`);
    const ui = dashboardAddress(options.ui);
    if (ui !== undefined) console.log(`Dashboard at ${await engine.openDashboard(ui, pageFolder)}`);
    await lastValueFrom(interrupted$);
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
  } finally {
    await engine.close();
    await registry.close();
  }
}
