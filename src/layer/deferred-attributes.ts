import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PathTree } from './path-tree.js';

type Attributes = ReadonlyMap<string, Buffer>;

/** Bytes of attributes that are kept before they are written. */
const batchSize = 4 * 1024 * 1024;

/**
 * Attributes that mean something to the machine that unpacks, not to the image: labels, which come
 * from the machine's own policy, and those that tell overlayfs to look elsewhere.
 */
export const ofTheMachine = /^(?:security\.selinux$|(?:trusted|user)\.overlay\.)/;

/**
 * Extended attributes, which Node can't set. `setfattr` of the attr package does, for a batch of
 * files at a time; where there is none they are left out, and named as omissions.
 */
export class DeferredAttributes {
  #pending = new PathTree<Attributes>();
  #size = 0;
  readonly #omissions = new Set<string>();

  /** One line for each attribute that couldn't be set on some file. */
  get omissions(): ReadonlySet<string> {
    return this.#omissions;
  }

  /** Takes note of a file's attributes, in place of what was noted of it before. */
  set(file: string, attributes: Attributes): void {
    const wanted = new Map<string, Buffer>();
    for (const [name, value] of attributes) {
      if (ofTheMachine.test(name) || name.includes('\0')) this.#omit([name]);
      else wanted.set(name, value);
      this.#size += 2 * (name.length + value.length);
    }
    if (wanted.size === 0) return;
    this.#size += file.length;
    this.#pending.set(file, wanted);
  }

  /** The file or folder is gone, with all below it: nothing may be written to its name any more. */
  forget(file: string): void {
    this.#pending.delete(file);
  }

  /** Whether so much is pending that it should be written out. */
  get isFull(): boolean {
    return this.#size > batchSize;
  }

  /**
   * Writes what is pending.
   *
   * @param isReal says no of a path that leads to something else by now.
   */
  async flush(isReal: (file: string) => boolean): Promise<void> {
    const pending = this.#pending;
    this.#pending = new PathTree();
    this.#size = 0;
    const files = [...pending.deepestFirst()].filter(([file]) => isReal(file));
    if (files.length === 0) return;
    const complaints = await restore(files.map(([file, attributes]) => dumpOf(file, attributes)));
    for (const [file, attributes] of files) {
      if (complaints === undefined || complaints.includes(`setfattr: ${file}: `)) {
        this.#omit(attributes.keys());
      }
    }
  }

  #omit(names: Iterable<string>): void {
    for (const name of names) this.#omissions.add(`xattr ${name}`);
  }
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

/** What setfattr complains of, one line a fault, as byte paths; `undefined` when it isn't here. */
async function restore(dumps: readonly string[]): Promise<string | undefined> {
  const child = spawn('setfattr', ['-h', '--restore=-'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  let complaints = '';
  child.stderr.setEncoding('latin1').on('data', (text: string) => (complaints += text));
  // Should it end early, its exit tells.
  child.stdin.on('error', () => undefined);
  child.stdin.end(dumps.join(''), 'latin1');
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code === 0 || complaints !== '' ? complaints : undefined;
  } catch {
    return undefined;
  }
}
