/** What a {@link PriorityHeap} holds: it knows its index, so that it leaves without a search. */
export interface Prioritized {
  readonly priority: number;
  index: number;
}

/** A binary heap with the highest priority on top. Entering and leaving cost O(log n). */
export class PriorityHeap<P extends Prioritized> {
  readonly #items: P[] = [];

  get first(): P | undefined {
    return this.#items[0];
  }

  push(item: P): void {
    this.#put(item, this.#items.length);
    this.#rise(item);
  }

  /** Takes out an item that is in this heap. */
  remove(item: P): void {
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#put(last, item.index);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: P): void {
    for (;;) {
      const parent = this.#items[(item.index - 1) >> 1];
      if (parent === undefined || parent.priority >= item.priority) return;
      this.#swap(item, parent);
    }
  }

  #sink(item: P): void {
    for (;;) {
      const left = this.#items[2 * item.index + 1];
      const right = this.#items[2 * item.index + 2];
      const child = right !== undefined && right.priority > (left?.priority ?? 0) ? right : left;
      if (child === undefined || child.priority <= item.priority) return;
      this.#swap(item, child);
    }
  }

  #swap(a: P, b: P): void {
    const { index } = a;
    this.#put(a, b.index);
    this.#put(b, index);
  }

  #put(item: P, index: number): void {
    this.#items[index] = item;
    item.index = index;
  }
}
