export * from './client.js';
export * from './create-client.js';
export type { PlainHttp } from './endpoints.js';
export { dockerCredentials } from './docker-credentials.js';
export * from './errors.js';
export type { RegistryClientOptions } from './options.js';
export { environmentProxies, type ProxySettings } from './proxies.js';
export type { ClientCertificate, TlsProvider, TlsSettings } from './tls.js';
export { UploadSession } from './upload-session.js';
