import type { CommandDescription, OptionDescription } from './describe-program.js';

/** The shells that {@link completionScript} writes for. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** One of {@link shells}. */
export type Shell = (typeof shells)[number];

/** What a shell reads to complete commands, options and their values; files for all else. */
export function completionScript(
  [program, ...commands]: readonly [CommandDescription, ...CommandDescription[]],
  shell: Shell,
): string {
  switch (shell) {
    case 'bash':
      return bash(program, commands);
    case 'zsh':
      return zsh(program, commands);
    case 'fish':
      return fish(program, commands);
  }
}

function bash(program: CommandDescription, commands: readonly CommandDescription[]): string {
  const names = commands.map(({ name }) => name);
  const values = commands.flatMap(({ name, options }) =>
    options.flatMap(({ long, value, choices }) => {
      if (value === undefined) return [];
      const reply = choices === undefined ? 'compgen -f' : `compgen -W ${quote(choices.join(' '))}`;
      return `    ${quote(`${name} --${long}`)}) COMPREPLY=($(${reply} -- "$cur")); return ;;`;
    }),
  );
  const rest = commands.map((command) => {
    const words = quote(flagsOf(command.options).join(' '));
    const choices = command.arguments.flatMap((argument) => argument.choices ?? []);
    const others = choices.length === 0 ? 'compgen -f' : `compgen -W ${quote(choices.join(' '))}`;
    return `    ${command.name})
      if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W ${words} -- "$cur"))
      else COMPREPLY=($(${others} -- "$cur")); fi ;;`;
  });
  return `# bash completion for ${program.name}
_${program.name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command="" word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in ${names.join('|')}) command="$word"; break ;; esac
  done
  case "$command $prev" in
${values.join('\n')}
  esac
  case "$command" in
    '') COMPREPLY=($(compgen -W ${quote([...names, ...flagsOf(program.options)].join(' '))} -- "$cur")) ;;
${rest.join('\n')}
  esac
}
complete -o filenames -F _${program.name} ${program.name}
`;
}

function zsh(program: CommandDescription, commands: readonly CommandDescription[]): string {
  const list = commands.map(({ name, description }) => quote(`${name}:${description}`));
  const cases = commands.map((command) => {
    const options = command.options.map((option) => zshOption(option));
    const choices = command.arguments.flatMap((argument) => argument.choices ?? []);
    const others = choices.length === 0 ? '_files' : `(${choices.join(' ')})`;
    return `    ${command.name}) _arguments ${[...options, quote(`*: :${others}`)].join(' \\\n      ')} ;;`;
  });
  return `#compdef ${program.name}
_${program.name}() {
  local -a commands=(
    ${list.join('\n    ')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _arguments ${program.options.map((option) => zshOption(option)).join(' ')}
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${cases.join('\n')}
  esac
}
compdef _${program.name} ${program.name}
`;
}

function zshOption({ long, short, description, value, choices }: OptionDescription): string {
  const text = description.replace(/[[\]\\:]/g, (character) => `\\${character}`);
  const values = choices === undefined ? '_files' : `(${choices.join(' ')})`;
  const rest = `[${text}]${value === undefined ? '' : `:${value.replace(/[^\w-]+/g, ' ')}:${values}`}`;
  if (short === undefined) return quote(`--${long}${rest}`);
  return `${quote(`(-${short} --${long})`)}{-${short},--${long}}${quote(rest)}`;
}

function fish(program: CommandDescription, commands: readonly CommandDescription[]): string {
  const begin = `complete -c ${program.name}`;
  const option = (condition: string, description: OptionDescription): string => {
    const { long, short, value, choices } = description;
    return [
      `${begin} -n ${fishQuote(condition)} -l ${long}`,
      ...(short === undefined ? [] : [`-s ${short}`]),
      ...(value === undefined ? [] : ['-r']),
      ...(choices === undefined ? [] : [`-f -a ${fishQuote(choices.join(' '))}`]),
      `-d ${fishQuote(description.description)}`,
    ].join(' ');
  };
  const first = '__fish_use_subcommand';
  const lines = commands.flatMap(({ name, description, options, ...command }) => {
    const seen = `__fish_seen_subcommand_from ${name}`;
    const choices = command.arguments.flatMap((argument) => argument.choices ?? []);
    return [
      `${begin} -f -n ${fishQuote(first)} -a ${name} -d ${fishQuote(description)}`,
      ...options.map((each) => option(seen, each)),
      ...(choices.length === 0
        ? []
        : [`${begin} -f -n ${fishQuote(seen)} -a ${fishQuote(choices.join(' '))}`]),
    ];
  });
  const own = program.options.map((each) => option(first, each));
  return [`# fish completion for ${program.name}`, ...own, ...lines, ''].join('\n');
}

function flagsOf(options: readonly OptionDescription[]): string[] {
  return options.flatMap(({ long, short }) =>
    short === undefined ? [`--${long}`] : [`-${short}`, `--${long}`],
  );
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishQuote(text: string): string {
  return `'${text.replace(/[\\']/g, (character) => `\\${character}`)}'`;
}
