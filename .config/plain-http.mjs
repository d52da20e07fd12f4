/** Stands in for `node:http`, of which undici asks for a limit it is told, and whether a body is one of these. */
export class IncomingMessage {}
