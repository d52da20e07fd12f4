/**
 * A place in the tree. Most folders with a folder in them have that one alone, for which a Map of
 * its own would take ten times the memory: a layer may have a hundred thousand of them.
 */
class Node<T> {
  value: T | undefined = undefined;
  #children: Node<T> | Map<string, Node<T>> | undefined = undefined;
  /** Of an only child. */
  #name = '';

  child(name: string): Node<T> | undefined {
    if (this.#children instanceof Map) return this.#children.get(name);
    return this.#name === name ? this.#children : undefined;
  }

  childMade(name: string): Node<T> {
    const found = this.child(name);
    if (found !== undefined) return found;
    const made = new Node<T>();
    if (this.#children === undefined) {
      this.#name = name;
      this.#children = made;
    } else {
      if (this.#children instanceof Node) this.#children = new Map(this.children());
      this.#children.set(name, made);
    }
    return made;
  }

  delete(name: string): void {
    if (this.#children instanceof Map) this.#children.delete(name);
    else if (this.#name === name) this.clear();
  }

  clear(): void {
    this.#children = undefined;
  }

  *children(): Generator<[name: string, child: Node<T>], void> {
    if (this.#children instanceof Map) yield* this.#children;
    else if (this.#children !== undefined) yield [this.#name, this.#children];
  }
}

/**
 * Values by absolute path. Removing a path takes all below it along, at a cost that doesn't grow
 * with their number.
 */
export class PathTree<T> {
  readonly #root = new Node<T>();

  get(path: string): T | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const component of path.split('/')) {
      node = node.child(component);
      if (node === undefined) return undefined;
    }
    return node.value;
  }

  set(path: string, value: T): void {
    let node = this.#root;
    for (const component of path.split('/')) node = node.childMade(component);
    node.value = value;
  }

  /** Removes the path, and all below it. */
  delete(path: string): void {
    let node: Node<T> | undefined = this.#root;
    const components = path.split('/');
    const last = components.pop() ?? '';
    for (const component of components) {
      node = node.child(component);
      if (node === undefined) return;
    }
    node.delete(last);
  }

  /** All there are: what is below a path comes before it. */
  *deepestFirst(): Generator<[path: string, value: T], void> {
    const open: [path: string, node: Node<T>, isSeen: boolean][] = [['', this.#root, false]];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [path, node, isSeen] = next;
      if (!isSeen) {
        open.push([path, node, true]);
        for (const [name, child] of node.children()) open.push([`${path}/${name}`, child, false]);
      } else if (node.value !== undefined) {
        // The root's own name is empty, and so is the component before a leading slash.
        yield [path.slice(1), node.value];
      }
    }
  }

  clear(): void {
    this.#root.clear();
  }
}
