import { parseHost } from '../../oci/index.js';
import { eraseLogin } from '../../registry/index.js';

/** `rxfer logout HOST` */
export async function logout(text: string): Promise<void> {
  const host = parseHost(text);
  const files = await eraseLogin(host);
  if (files.length === 0) console.log(`Not logged in to ${host}`);
  for (const file of files) console.log(`Logged out of ${host}; removed from ${file}`);
}
