import type { CommandDescription, OptionDescription } from './describe-program.js';

/**
 * What a shell offers for a value: words, or `images` of the store, `locations` of a copy, `folders`,
 * `files`, or nothing, since nobody but the user knows.
 */
export type CompletedValue = 'images' | 'locations' | 'folders' | 'files' | readonly string[];

/** Where images come from and go to. */
export const schemes = ['docker://', 'store:', 'oci:', 'oci-archive:', 'docker-archive:'] as const;

const platforms = [
  'linux/amd64',
  'linux/arm64',
  'linux/arm/v7',
  'linux/arm/v6',
  'linux/386',
  'linux/ppc64le',
  'linux/riscv64',
  'linux/s390x',
  'windows/amd64',
];

/** By how help calls a value. */
const byName: Readonly<Record<string, CompletedValue>> = {
  ref: 'images',
  refs: 'images',
  source: 'images',
  src: 'locations',
  dst: 'locations',
  dir: 'folders',
  file: 'files',
  'os/arch[/variant]': platforms,
};

/** The program and its commands, as completions are made of them. */
export type Commands = readonly [CommandDescription, ...CommandDescription[]];

/** What is offered for an argument of a command. */
export function completedArgument(
  [, ...commands]: Commands,
  { name, choices }: CommandDescription['arguments'][number],
): CompletedValue {
  if (name === 'command') return commands.map((command) => command.name);
  return choices ?? byName[name] ?? [];
}

/** What is offered for the value of an option; `undefined` where it takes none. */
export function completedOption({ value, choices }: OptionDescription): CompletedValue | undefined {
  if (value === undefined) return undefined;
  return choices ?? byName[value] ?? [];
}

/** An option as it is typed, in all ways. */
export function flagsOf({ long, short }: OptionDescription): string[] {
  return short === undefined ? [`--${long}`] : [`-${short}`, `--${long}`];
}

/** The options that take a value, whichever command they are of, each once. */
export function valuedOptions(commands: Commands): ReadonlyMap<string, CompletedValue> {
  const valued = commands
    .flatMap(({ options }) => options)
    .flatMap((option) => {
      const value = completedOption(option);
      return value === undefined ? [] : [[flagsOf(option).join('|'), value] as const];
    });
  return new Map(valued);
}

/** In quotes that shells of Bourne's kind leave alone. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Lines of a function of sh that prints the names of the images in a store; of none where there is
 * no store, since rxfer would make one.
 */
export function listImages(program: string, store: string): string {
  return `  [ -e "${store}/rxfer-store.json" ] || return
  ${program} images --store "${store}" 2>/dev/null | while IFS=' ' read -r reference rest; do
    [ "$reference" = REFERENCE ] || printf '%s\\n' "$reference"
  done`;
}
