/** What rxfer uses of undici, for the bundle: its door loads fetch, web sockets, caches and mocks. */
import api from 'undici/lib/api/index.js';
import buildConnector from 'undici/lib/core/connect.js';
import errors from 'undici/lib/core/errors.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import PoolAlone from 'undici/lib/dispatcher/pool.js';
import ProxyAgentAlone from 'undici/lib/dispatcher/proxy-agent.js';

export { buildConnector, errors };
export const Pool = withRequests(PoolAlone);
export const ProxyAgent = withRequests(ProxyAgentAlone);

/** As undici's door does it. A call that makes an export isn't shaken out as unused. */
function withRequests(dispatcher) {
  Object.assign(Dispatcher.prototype, api);
  return dispatcher;
}
