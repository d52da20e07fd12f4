/**
 * Stands in for what packages load at once and rxfer has no use for: undici `node:http2`, commander
 * `node:child_process`.
 */
export const constants = {};
