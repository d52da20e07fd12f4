/** The element of the page with that id. */
export function byID<T extends Element>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`The page has no ${id}`);
}

/** A new element with a class and a text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  text = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== '') element.textContent = text;
  return element;
}

/** Sets a text, unless it is there already: what hasn't changed isn't read out or selected anew. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Lets a parent have one child for each item, in their order. Children stay as long as their items
 * do, and with them the focus.
 */
export function reconcile<T>(
  parent: Element,
  items: readonly T[],
  keyOf: (item: T) => string,
  create: (item: T) => HTMLElement,
  update: (child: HTMLElement, item: T) => void,
): void {
  const known = new Map<string, HTMLElement>();
  for (const child of parent.children) {
    if (child instanceof HTMLElement) known.set(child.dataset['key'] ?? '', child);
  }
  let before: Element | null = null;
  for (const item of [...items].reverse()) {
    const key = keyOf(item);
    const child = known.get(key) ?? create(item);
    known.delete(key);
    child.dataset['key'] = key;
    update(child, item);
    if (child.parentElement !== parent || child.nextElementSibling !== before) {
      parent.insertBefore(child, before);
    }
    before = child;
  }
  for (const child of known.values()) child.remove();
}
