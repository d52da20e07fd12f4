export * from './client.js';
export * from './content-errors.js';
export * from './create-client.js';
export type { PlainHttp } from './endpoints.js';
export { certificates, type CertificatesOptions } from './certificates.js';
export { dockerCredentials } from './docker-credentials.js';
export * from './errors.js';
export { referrerOf, referrersTag, type ReferrerEntry } from './referrers-tags.js';
export { isMissing } from './try-hosts.js';
export type { RequestFacts, RequestObserver } from './observe-requests.js';
export type { RegistryClientOptions } from './options.js';
export { ProxyError, type ProxyFault } from './proxy-error.js';
export { environmentProxies, type ProxySettings } from './proxies.js';
export type { ClientCertificate, TlsProvider, TlsSettings } from './tls.js';
export { UploadSession } from './upload-session.js';
export type { Environment } from './environment.js';
export { eraseLogin, storeLogin, type Login } from './login.js';
export {
  retryingClient,
  type DocumentRetryOptions,
  type RetryingClient,
} from './retrying-client.js';
