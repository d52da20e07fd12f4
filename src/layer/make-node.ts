import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TarHeader } from './tar-header.js';

/**
 * Makes a named pipe or a device, which Node can't: a process each, since layers have few.
 *
 * @param file a byte path.
 * @returns whether it could be made.
 */
export async function makeNode(
  file: string,
  { type, devmajor, devminor }: TarHeader,
): Promise<boolean> {
  const numbers = [String(devmajor), String(devminor)];
  const kind = type === 'fifo' ? ['p'] : [type === 'block-device' ? 'b' : 'c', ...numbers];
  const bytes = Buffer.from(file, 'latin1');
  const argument = bytes.toString('utf8');
  // Arguments are text: a name that isn't can't be passed.
  if (!Buffer.from(argument, 'utf8').equals(bytes)) return false;
  try {
    await promisify(execFile)('mknod', ['--', argument, ...kind]);
    return true;
  } catch {
    // Within a container, the superuser too may not.
    return false;
  }
}
