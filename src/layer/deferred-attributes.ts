import { AttributeTools, type Attributes } from './attribute-tools.js';
import { PathTree } from './path-tree.js';

interface Pending {
  /** What the file is to have. */
  readonly wanted: Attributes;
  /** Whether it may have others, which are to go. */
  readonly isOld: boolean;
}

const none: Attributes = new Map();

/** Bytes of attributes that are kept before they are written. */
const batchSize = 4 * 1024 * 1024;

/**
 * Attributes that mean something to the machine that unpacks, not to the image: labels, which come
 * from the machine's own policy, and those that tell overlayfs to look elsewhere.
 */
export const ofTheMachine = /^(?:security\.selinux$|(?:trusted|user)\.overlay\.)/;

/**
 * Extended attributes, which programs set for a batch of files at a time. What they couldn't do, and
 * what can't be done without them, is named as omissions.
 */
export class DeferredAttributes {
  #pending = new PathTree<Pending>();
  #size = 0;
  readonly #omissions = new Set<string>();
  readonly #tools: AttributeTools;

  /** @param signal ends what is being written. */
  constructor(signal: AbortSignal | undefined) {
    this.#tools = new AttributeTools(signal);
  }

  /** One line for each attribute that couldn't be set on some file, and for each missing program. */
  get omissions(): readonly string[] {
    return [...this.#omissions, ...this.#tools.missing];
  }

  /** Takes note of the attributes of a new file. */
  set(file: string, attributes: Attributes): void {
    const wanted = this.#restorable(attributes);
    if (wanted.size > 0) this.#note(file, { wanted, isOld: false });
  }

  /** Takes note of those of what was there before, which loses what else it has. */
  replace(file: string, attributes: Attributes = none): void {
    this.#note(file, { wanted: this.#restorable(attributes), isOld: true });
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
    await this.#removeOld(files.filter(([, { isOld }]) => isOld));
    const wanted = files.map(([file, each]) => [file, each.wanted] as const);
    const some = wanted.filter(([, attributes]) => attributes.size > 0);
    if (some.length === 0) return;
    this.#omit(await this.#tools.set(some));
  }

  async #removeOld(files: readonly (readonly [file: string, Pending])[]): Promise<void> {
    if (files.length === 0) return;
    const there = await this.#tools.namesOf(files.map(([file]) => file));
    const unwanted = new Map<string, string[]>();
    for (const [file, { wanted }] of files) {
      for (const name of there.get(file) ?? []) {
        if (wanted.has(name) || ofTheMachine.test(name)) continue;
        const having = unwanted.get(name) ?? [];
        unwanted.set(name, having);
        having.push(file);
      }
    }
    for (const [name, having] of unwanted) {
      if (!(await this.#tools.remove(name, having))) this.#omit([name]);
    }
  }

  #restorable(attributes: Attributes): Attributes {
    const wanted = new Map<string, Buffer>();
    for (const [name, value] of attributes) {
      if (ofTheMachine.test(name) || name.includes('\0')) this.#omit([name]);
      else wanted.set(name, value);
    }
    return wanted;
  }

  #note(file: string, pending: Pending): void {
    this.#size += file.length;
    for (const [name, value] of pending.wanted) this.#size += 2 * (name.length + value.length);
    this.#pending.set(file, pending);
  }

  #omit(names: Iterable<string>): void {
    for (const name of names) this.#omissions.add(`xattr ${name}`);
  }
}
