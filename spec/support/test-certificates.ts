import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.js';
import { temporaryFolder } from './temporary-folder.js';

/** Paths of PEM files. */
export interface TestCertificates {
  /** The authority that has signed the others. */
  readonly ca: string;
  /** For 127.0.0.1 and registry.test. */
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

const keyType = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes an authority, and a certificate of a server and of a client. */
export async function makeCertificates(): Promise<TestCertificates> {
  const folder = temporaryFolder();
  const of = (name: string): string => join(folder, name);
  const ca = of('ca.crt');
  const caKey = of('ca.key');
  const days = ['-days', '2'];
  const self = ['-x509', ...days, '-subj', '/CN=rxfer-authority'];
  await run('openssl', 'req', ...keyType, ...self, '-keyout', caKey, '-out', ca);
  const issue = async (
    name: string,
    extensions: string,
  ): Promise<{ cert: string; key: string }> => {
    const pair = { cert: of(`${name}.crt`), key: of(`${name}.key`) };
    const request = of(`${name}.csr`);
    const subject = ['-subj', `/CN=${name}`];
    await run('openssl', 'req', ...keyType, ...subject, '-keyout', pair.key, '-out', request);
    writeFileSync(of(`${name}.ext`), extensions);
    const authority = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial'];
    const files = ['-in', request, '-out', pair.cert, '-extfile', of(`${name}.ext`)];
    await run('openssl', 'x509', '-req', ...authority, ...days, ...files);
    return pair;
  };
  const server = await issue('server', 'subjectAltName=IP:127.0.0.1,DNS:registry.test\n');
  const client = await issue('client', 'extendedKeyUsage=clientAuth\n');
  return { ca, server, client };
}
