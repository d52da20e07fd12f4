import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnDaemon, startDaemon, type Daemon } from './daemon.js';
import { temporaryFolder } from './temporary-folder.js';
import type { TestCertificates } from './test-certificates.js';

/** An nginx that speaks HTTPS for a registry behind it. */
export interface TlsFrontOptions {
  readonly certificates: TestCertificates;
  /** `127.0.0.1:port` of the registry. */
  readonly registry: string;
  /** Whether clients must show a certificate of the same authority. */
  readonly clients?: 'verified' | 'any';
  /** More of the `server` block. */
  readonly more?: string;
}

/** Starts nginx before a registry, with a certificate for 127.0.0.1. */
export async function startTlsFront(options: TlsFrontOptions): Promise<Daemon & { host: string }> {
  const folder = temporaryFolder();
  const file = join(folder, 'nginx.conf');
  mkdirSync(join(folder, 'temporary'));
  const daemon = await startDaemon((port) => {
    writeFileSync(file, configuration(folder, port, options));
    return spawnDaemon('nginx', '-p', folder, '-e', 'stderr', '-c', file);
  });
  return { ...daemon, host: `127.0.0.1:${daemon.port}` };
}

function configuration(folder: string, port: number, options: TlsFrontOptions): string {
  const { certificates, registry, clients = 'any', more = '' } = options;
  const verify = `ssl_client_certificate ${certificates.ca}; ssl_verify_client on;`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, 'temporary')};`,
  );
  return `daemon off;
master_process off;
pid ${join(folder, 'pid')};
error_log stderr;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${certificates.server.cert};
    ssl_certificate_key ${certificates.server.key};
    ${clients === 'verified' ? verify : ''}
    ${more}
    location / {
      proxy_pass http://${registry};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https;
    }
  }
}
`;
}
