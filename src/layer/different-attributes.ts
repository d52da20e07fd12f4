import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { hasCode } from './system-errors.js';
import { ofTheMachine } from './deferred-attributes.js';

/**
 * The first name that has other extended attributes in one tree than in another, as getfattr tells
 * them, or `undefined`: also where there is no getfattr, which the verification tells.
 */
export async function differentAttributes(
  expected: string,
  actual: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const attributes = await attributesIn(expected, signal);
  for (const [name, value] of await attributesIn(actual, signal)) {
    if (attributes.get(name) !== value) return name;
    attributes.delete(name);
  }
  return [...attributes.keys()][0];
}

/** A hash of the attributes of each file that has some, by its name. */
async function attributesIn(root: string, signal: AbortSignal): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let name = '';
  let lines: string[] = [];
  const keep = (): void => {
    const hash = createHash('sha256').update(lines.sort().join('\n'));
    if (lines.length > 0) found.set(name, hash.digest('base64'));
    lines = [];
  };
  for await (const line of dump(root, signal)) {
    const [, file] = /^# file: (?:\.\/)?(.*)$/.exec(line) ?? [];
    if (file === undefined) {
      if (line !== '' && !ofTheMachine.test(line.split('=', 1)[0] ?? '')) lines.push(line);
      continue;
    }
    keep();
    name = file;
  }
  keep();
  return found;
}

async function* dump(root: string, signal: AbortSignal): AsyncGenerator<string, void> {
  const options = ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '--', '.'];
  const child = spawn('getfattr', options, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, LC_ALL: 'C' },
    signal,
  });
  const ended = once(child, 'close').catch((error: unknown) => {
    signal.throwIfAborted();
    if (!hasCode(error, 'ENOENT', 'EACCES')) throw error;
  });
  // Whoever reads to the end hears of a failure.
  ended.catch(() => undefined);
  yield* createInterface({ input: child.stdout, crlfDelay: Infinity });
  await ended;
  signal.throwIfAborted();
}
