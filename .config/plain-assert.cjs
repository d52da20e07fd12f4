/** Stands in for `node:assert`, of which undici and signal-exit have no more than this. */
module.exports = function assert(value, message = 'a package finds itself in a state it excludes') {
  if (!value) throw message instanceof Error ? message : new Error(message);
};
module.exports.equal = (actual, expected, message) => module.exports(actual === expected, message);
