/** What rxfer uses of undici, for the bundle: its door loads fetch, web sockets, caches and mocks. */
import api from 'undici/lib/api/index.js';
import buildConnector from 'undici/lib/core/connect.js';
import errors from 'undici/lib/core/errors.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import PoolAlone from 'undici/lib/dispatcher/pool.js';

export { buildConnector, errors };

// As undici's door does it. A call that makes an export isn't shaken out as unused.
export const Pool = withRequests(PoolAlone);

function withRequests(dispatcher) {
  Object.assign(Dispatcher.prototype, api);
  return dispatcher;
}
