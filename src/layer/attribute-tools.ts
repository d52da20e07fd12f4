import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What a program has printed, one character a byte. */
interface Printed {
  readonly code: number | null;
  readonly output: string;
  readonly complaints: string;
}

/** Values of extended attributes by name. */
export type Attributes = ReadonlyMap<string, Buffer>;

/**
 * Sets attributes of files, which are byte paths as all here, by `setfattr`.
 *
 * @returns the names of those that it couldn't set on every file.
 */
export async function setAttributes(
  files: readonly (readonly [file: string, attributes: Attributes])[],
): Promise<Set<string>> {
  const dump = files.map(([file, attributes]) => dumpOf(file, attributes)).join('');
  const printed = await run('setfattr', ['-h', '--restore=-'], dump);
  const complaints = printed?.complaints ?? '';
  // Without a word it didn't run.
  const isSilent = printed?.code !== 0 && complaints === '';
  const failed = files.filter(([file]) => isSilent || complaints.includes(`setfattr: ${file}: `));
  if (failed.length === 0) return new Set();
  // It says which file, but not which of its attributes.
  const there = await attributesOf(failed.map(([file]) => file));
  return new Set(
    failed.flatMap(([file, attributes]) =>
      [...attributes.keys()].filter((name) => there.get(file)?.includes(name) !== true),
    ),
  );
}

/** The names of the attributes that files have, as `getfattr` tells them. Links aren't followed. */
export async function attributesOf(files: readonly string[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const options = ['-h', '-m', '-', '--absolute-names', '--'];
  // Arguments of Node's are text, and paths needn't be.
  const printed = await run('xargs', ['-0', '-r', 'getfattr', ...options], files.join('\0'));
  for (const block of printed?.output.split('\n\n') ?? []) {
    const [first = '', ...names] = block.split('\n').filter((line) => line !== '');
    if (first.startsWith('# file: ')) found.set(unescaped(first.slice(8)), names.map(unescaped));
  }
  return found;
}

/** Removes an attribute of files. Returns whether it is off all of them. */
export async function removeAttribute(name: string, files: readonly string[]): Promise<boolean> {
  const argument = Buffer.from(name, 'latin1').toString('utf8');
  const options = ['-h', '-x', argument, '--'];
  const printed = await run('xargs', ['-0', '-r', 'setfattr', ...options], files.join('\0'));
  return printed?.code === 0;
}

/** A file's attributes as `getfattr --dump` writes them. */
function dumpOf(file: string, attributes: Attributes): string {
  const lines = [...attributes].map(
    ([name, value]) => `${escaped(name)}=0s${value.toString('base64')}\n`,
  );
  return `# file: ${escaped(file)}\n${lines.join('')}\n`;
}

/** With everything that might mean something in octal. */
function escaped(bytes: string): string {
  return bytes.replace(
    /[^\w./-]/g,
    (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** `undefined` when the program isn't here. */
async function run(
  program: string,
  options: readonly string[],
  input: string,
): Promise<Printed | undefined> {
  const child = spawn(program, options, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  let [output, complaints] = ['', ''];
  child.stdout.setEncoding('latin1').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('latin1').on('data', (text: string) => (complaints += text));
  // Should it end early, its exit tells.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input, 'latin1');
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output, complaints };
  } catch {
    return undefined;
  }
}
