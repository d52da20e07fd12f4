import type { Commands } from './completed-values.js';
import { bashCompletion } from './completion-bash.js';
import { fishCompletion } from './completion-fish.js';
import { zshCompletion } from './completion-zsh.js';

/** The shells that {@link completionScript} writes for. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** One of {@link shells}. */
export type Shell = (typeof shells)[number];

/**
 * What a shell reads to complete commands, options, and their values: words that there are to choose
 * from, the images of the store, files and folders.
 */
export function completionScript(commands: Commands, shell: Shell): string {
  return { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }[shell](commands);
}
