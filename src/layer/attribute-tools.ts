import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { hasCode } from './system-errors.js';

/** Debian's packages of the programs. */
const packages = { setfattr: 'attr', getfattr: 'attr', xargs: 'findutils' } as const;
type Program = keyof typeof packages;

/** What a program has printed, one character a byte. */
interface Printed {
  readonly code: number | null;
  readonly output: string;
}

/** Values of extended attributes by name. */
export type Attributes = ReadonlyMap<string, Buffer>;

/** What `xargs` exits with when there is no such program as it is to run. */
const notFound = 127;

/**
 * The programs that read and write extended attributes, which Node can't. Files are byte paths;
 * links aren't followed. Where a program is missing, nothing is read or done.
 */
export class AttributeTools {
  readonly #signal: AbortSignal | undefined;
  readonly #missing = new Set<Program>();

  /** @param signal kills the program that is running, and rejects what waits for it. */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** One line for each program that was needed and isn't here, with how to install it. */
  get missing(): string[] {
    return [...this.#missing].map(wanting);
  }

  /** Sets attributes of files. Returns the names of those that not every file has as wanted. */
  async set(
    files: readonly (readonly [file: string, attributes: Attributes])[],
  ): Promise<Set<string>> {
    const dump = files.map(([file, attributes]) => dumpOf(file, attributes)).join('');
    const printed = await this.#run('setfattr', ['-h', '--restore=-'], dump);
    if (printed?.code === 0) return new Set();
    // It doesn't say which, and another value may be there from before.
    const there = await this.#valuesOf(files.map(([file]) => file));
    return new Set(
      files.flatMap(([file, attributes]) =>
        [...attributes]
          .filter(([name, value]) => there.get(file)?.get(name)?.equals(value) !== true)
          .map(([name]) => name),
      ),
    );
  }

  /** The names of the attributes that files have. */
  async namesOf(files: readonly string[]): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for (const [file, lines] of await this.#list([], files)) found.set(file, lines.map(unescaped));
    return found;
  }

  /** Removes an attribute of files. Returns whether it is off all of them. */
  async remove(name: string, files: readonly string[]): Promise<boolean> {
    const argument = Buffer.from(name, 'latin1').toString('utf8');
    const printed = await this.#runOn('setfattr', ['-h', '-x', argument], files);
    return printed?.code === 0;
  }

  async #valuesOf(files: readonly string[]): Promise<Map<string, Map<string, Buffer>>> {
    const found = new Map<string, Map<string, Buffer>>();
    for (const [file, lines] of await this.#list(['-d', '-e', 'base64'], files)) {
      found.set(file, new Map(lines.flatMap(parseValue)));
    }
    return found;
  }

  /** What `getfattr` prints of each file that has attributes, a line each. */
  async #list(options: readonly string[], files: readonly string[]): Promise<[string, string[]][]> {
    const all = ['-h', '-m', '-', '--absolute-names', ...options];
    const printed = await this.#runOn('getfattr', all, files);
    return (printed?.output.split('\n\n') ?? []).flatMap((block): [string, string[]][] => {
      const [first = '', ...lines] = block.split('\n').filter((line) => line !== '');
      return first.startsWith('# file: ') ? [[unescaped(first.slice(8)), lines]] : [];
    });
  }

  /** By way of xargs: Node's arguments are text, and paths needn't be. */
  async #runOn(
    program: Program,
    options: readonly string[],
    files: readonly string[],
  ): Promise<Printed | undefined> {
    const printed = await this.#run(
      'xargs',
      ['-0', '-r', program, ...options, '--'],
      files.join('\0'),
    );
    if (printed?.code !== notFound) return printed;
    this.#missing.add(program);
    return undefined;
  }

  /** `undefined` when the program isn't here. */
  async #run(
    program: Program,
    options: readonly string[],
    input: string,
  ): Promise<Printed | undefined> {
    const signal = this.#signal;
    signal?.throwIfAborted();
    const child = spawn(program, options, {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
      // A group of its own, which can be killed as one: xargs has children.
      detached: true,
    });
    const kill = (): void => killGroup(child);
    signal?.addEventListener('abort', kill, { once: true });
    let output = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => (output += text));
    // Should it end early, its exit tells.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input, 'latin1');
    try {
      const [code] = (await once(child, 'close')) as [number | null];
      signal?.throwIfAborted();
      return { code, output };
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'EACCES')) throw error;
      this.#missing.add(program);
      return undefined;
    } finally {
      signal?.removeEventListener('abort', kill);
    }
  }
}

/** Whether there is such a program. */
export async function isInstalled(program: Program): Promise<boolean> {
  try {
    const child = spawn(program, ['--version'], { stdio: 'ignore', env: { ...process.env } });
    await once(child, 'close');
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES')) return false;
    throw error;
  }
}

/** What lacks for want of a program, and how to install it. */
export function wanting(program: Program): string {
  return `xattrs for want of ${program} (apt-get install ${packages[program]})`;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // It has just ended.
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** A file's attributes as `getfattr --dump` writes them. */
function dumpOf(file: string, attributes: Attributes): string {
  const lines = [...attributes].map(
    ([name, value]) => `${escaped(name)}=0s${value.toString('base64')}\n`,
  );
  return `# file: ${escaped(file)}\n${lines.join('')}\n`;
}

function parseValue(line: string): [name: string, value: Buffer][] {
  const end = line.indexOf('=0s');
  if (end === -1) return [];
  return [[unescaped(line.slice(0, end)), Buffer.from(line.slice(end + 3), 'base64')]];
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
