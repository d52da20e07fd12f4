interface Node<T> {
  value: T | undefined;
  children: Map<string, Node<T>> | undefined;
}

/**
 * Values by absolute path. Removing a path takes all below it along, at a cost that doesn't grow
 * with their number.
 */
export class PathTree<T> {
  readonly #root: Node<T> = { value: undefined, children: undefined };

  get(path: string): T | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const component of path.split('/')) {
      node = node.children?.get(component);
      if (node === undefined) return undefined;
    }
    return node.value;
  }

  set(path: string, value: T): void {
    let node = this.#root;
    for (const component of path.split('/')) {
      node.children ??= new Map();
      let child = node.children.get(component);
      if (child === undefined) {
        child = { value: undefined, children: undefined };
        node.children.set(component, child);
      }
      node = child;
    }
    node.value = value;
  }

  /** Removes the path, and all below it. */
  delete(path: string): void {
    let node: Node<T> | undefined = this.#root;
    const components = path.split('/');
    const last = components.pop() ?? '';
    for (const component of components) {
      node = node.children?.get(component);
      if (node === undefined) return;
    }
    node.children?.delete(last);
  }

  /** All there are: what is below a path comes before it. */
  *deepestFirst(): Generator<[path: string, value: T], void> {
    const open: [path: string, node: Node<T>, isSeen: boolean][] = [['', this.#root, false]];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [path, node, isSeen] = next;
      if (!isSeen) {
        open.push([path, node, true]);
        for (const [name, child] of node.children ?? [])
          open.push([`${path}/${name}`, child, false]);
      } else if (node.value !== undefined) {
        // The root's own name is empty, and so is the component before a leading slash.
        yield [path.slice(1), node.value];
      }
    }
  }

  clear(): void {
    this.#root.children = undefined;
  }
}
