import { readFileSync } from 'node:fs';

/** As its package.json states it, which is found from here and from the bundle, which lies as deep. */
export function versionOfPackage(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
