import * as fs from 'node:fs';
import { SyncProgram } from '../../../src/layer/sync-program.js';

/**
 * Does something just before a step, which is counted from 1, and told as `rename from to #2` when it
 * is the second of these words: the same in each process, in whatever order steps come.
 */
export type BeforeStep = (step: number, what: string) => void;

/** The hexadecimal part of a digest, or what randomUUID makes. */
const identifier = /[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/**
 * Steps in before each call of this process that makes a folder or lock, moves something, or syncs:
 * those that what is on the disk after a crash depends on.
 *
 * @param within only calls with a path that begins so are steps.
 */
export async function beforeSteps(within: string, act: BeforeStep): Promise<void> {
  let count = 0;
  const times = new Map<string, number>();
  const step = (name: string, paths: readonly unknown[]): void => {
    const ours = paths.filter((path) => typeof path === 'string' && path.startsWith(within));
    if (ours.length === 0) return;
    const shown = ours.map((path) => (path as string).slice(within.length + 1)).join(' ');
    const words = `${name} ${shown.replace(identifier, 'ID')}`;
    const time = (times.get(words) ?? 0) + 1;
    times.set(words, time);
    act(++count, `${words} #${time}`);
  };
  intercept(fs.promises as unknown as Methods, ['mkdir', 'rename'], step);
  intercept(fs as unknown as Methods, ['symlinkSync'], step);
  // What is synced is told by what was opened.
  const opened = new WeakMap<object, string>();
  const { open } = fs.promises;
  fs.promises.open = async (...call) => {
    const handle = await open(...call);
    opened.set(handle, String(call[0]));
    return handle;
  };
  const probe = await open('/', 'r');
  const handles = Object.getPrototypeOf(probe) as { sync: () => Promise<void> };
  await probe.close();
  const { sync } = handles;
  handles.sync = function (this: object) {
    step('sync', [opened.get(this)]);
    return sync.call(this);
  };
  const programs = SyncProgram.prototype as { run: (this: SyncProgram) => Promise<void> };
  const { run } = programs;
  programs.run = function () {
    step('sync', [this.folder]);
    return run.call(this);
  };
}

type Methods = Record<string, (...call: unknown[]) => unknown>;

function intercept(
  object: Methods,
  names: readonly string[],
  step: (name: string, paths: readonly unknown[]) => void,
): void {
  for (const name of names) {
    const original = object[name]?.bind(object);
    object[name] = (...call) => {
      step(name.replace('Sync', ''), call.slice(0, 2));
      return original?.(...call);
    };
  }
}
