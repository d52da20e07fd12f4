/** Where a transfer of the model is; `over` until its teardown is through. */
export type ModelPhase = 'blocked' | 'waiting' | 'active' | 'inactive' | 'over';

export interface ModelClaim {
  readonly transfer: ModelTransfer;
  readonly priority: number;
  readonly group: string | undefined;
  readonly watchers: Set<number>;
}

export interface ModelTransfer {
  /** The number of its first watcher. */
  readonly id: number;
  readonly key: string;
  phase: ModelPhase;
  /** By the order in which they were first made. */
  claims: ModelClaim[];
  readonly watchers: Set<number>;
  latest: number | undefined;
  predecessor: ModelTransfer | undefined;
  /** Its job was begun, so that it has a context and may hold a cleanup. */
  begun: boolean;
  readonly hasCleanup: boolean;
  cleanupDone: boolean;
  /** The job's Observable is down; what is left is the cleanup. */
  jobDown: boolean;
}

/** What the scheduler has to do, told with plain lists and searches, and nothing about how. */
export class ReferenceModel {
  /** All that aren't down, in the order in which they began. */
  transfers: ModelTransfer[] = [];
  /** Whose start came, in order. */
  readonly started: number[] = [];
  /** The claims in line, in the order in which they entered. */
  #line: ModelClaim[] = [];
  /** By priority, the groups in the order of their turns. */
  readonly #turns = new Map<number, (string | undefined)[]>();

  /** Ended, but still holding their slot: their watchers are being told. */
  readonly #held = new Set<ModelTransfer>();

  constructor(public limit: number) {}

  alive(key: string): ModelTransfer | undefined {
    return this.transfers.find((one) => one.key === key && one.phase !== 'over');
  }

  count(phase: ModelPhase): number {
    const ending = phase === 'active' ? this.#held.size : 0;
    return this.transfers.filter((one) => one.phase === phase).length + ending;
  }

  watch(
    watcher: number,
    key: string,
    priority: number,
    group: string | undefined,
    hasCleanup: boolean,
  ): void {
    const joined = this.alive(key);
    const transfer = joined ?? this.#create(watcher, key, hasCleanup);
    transfer.watchers.add(watcher);
    const same = transfer.claims.find((one) => one.priority === priority && one.group === group);
    if (same) same.watchers.add(watcher);
    else {
      const claim = { transfer, priority, group, watchers: new Set([watcher]) };
      transfer.claims.push(claim);
      if (transfer.phase === 'waiting') this.#enter(claim);
    }
    if (!joined && transfer.predecessor === undefined) this.#begin(transfer);
  }

  unwatch(watcher: number): void {
    const transfer = this.transfers.find((one) => one.watchers.has(watcher));
    if (!transfer) return;
    transfer.watchers.delete(watcher);
    if (transfer.watchers.size === 0) {
      // One whose job has not begun leaves nothing behind.
      if (transfer.begun) this.#cancel(transfer);
      else this.transfers = this.transfers.filter((one) => one !== transfer);
      return;
    }
    const claim = transfer.claims.find((one) => one.watchers.has(watcher));
    claim?.watchers.delete(watcher);
    if (claim?.watchers.size !== 0) return;
    transfer.claims = transfer.claims.filter((one) => one !== claim);
    this.#leave(claim);
  }

  inactive(transfer: ModelTransfer): void {
    if (transfer.phase === 'over') return;
    this.#leaveAll(transfer);
    transfer.phase = 'inactive';
    this.#fill();
  }

  setLimit(limit: number): void {
    this.limit = limit;
    this.#fill();
  }

  /** The key is free, and the watchers are told, but the slot is still held. */
  end(transfer: ModelTransfer): void {
    if (transfer.phase === 'active') this.#held.add(transfer);
    this.#leaveAll(transfer);
    transfer.phase = 'over';
    transfer.watchers.clear();
  }

  /** The job is down, and what it held is given back. */
  downAfter(transfer: ModelTransfer): void {
    this.#held.delete(transfer);
    transfer.jobDown = true;
    this.#fill();
    this.#down(transfer);
  }

  finishCleanup(transfer: ModelTransfer): void {
    transfer.cleanupDone = true;
    this.#down(transfer);
  }

  #cancel(transfer: ModelTransfer): void {
    this.end(transfer);
    this.downAfter(transfer);
  }

  #create(id: number, key: string, hasCleanup: boolean): ModelTransfer {
    const predecessor = this.transfers.filter((one) => one.key === key).at(-1);
    const transfer: ModelTransfer = {
      id,
      key,
      phase: 'blocked',
      claims: [],
      watchers: new Set(),
      latest: undefined,
      predecessor,
      begun: false,
      hasCleanup,
      cleanupDone: false,
      jobDown: false,
    };
    this.transfers.push(transfer);
    return transfer;
  }

  #begin(transfer: ModelTransfer): void {
    transfer.begun = true;
    transfer.phase = 'waiting';
    for (const claim of transfer.claims) this.#enter(claim);
    this.#fill();
  }

  #down(transfer: ModelTransfer): void {
    const cleaned = !transfer.hasCleanup || transfer.cleanupDone;
    if (!transfer.jobDown || !cleaned) return;
    this.transfers = this.transfers.filter((one) => one !== transfer);
    const successor = this.transfers.find((one) => one.predecessor === transfer);
    if (!successor) return;
    successor.predecessor = undefined;
    this.#begin(successor);
  }

  #fill(): void {
    while (this.#line.length > 0 && (this.limit === 0 || this.count('active') < this.limit)) {
      const { transfer } = this.#next();
      this.#leaveAll(transfer);
      transfer.phase = 'active';
      this.started.push(transfer.id);
    }
  }

  #next(): ModelClaim {
    const priority = Math.max(...this.#line.map((claim) => claim.priority));
    const turns = this.#turns.get(priority)!;
    const group = turns.shift();
    turns.push(group);
    return this.#line.find((one) => one.priority === priority && one.group === group)!;
  }

  #enter(claim: ModelClaim): void {
    this.#line.push(claim);
    const turns = this.#turns.get(claim.priority) ?? [];
    if (!turns.includes(claim.group)) turns.push(claim.group);
    this.#turns.set(claim.priority, turns);
  }

  #leave(claim: ModelClaim): void {
    if (!this.#line.includes(claim)) return;
    const { priority, group } = claim;
    this.#line = this.#line.filter((one) => one !== claim);
    if (this.#line.some((one) => one.priority === priority && one.group === group)) return;
    const turns = this.#turns.get(priority)!;
    turns.splice(turns.indexOf(group), 1);
  }

  #leaveAll(transfer: ModelTransfer): void {
    for (const claim of transfer.claims) this.#leave(claim);
  }
}
