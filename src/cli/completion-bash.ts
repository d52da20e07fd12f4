import {
  completedArgument,
  flagsOf,
  listImages,
  quote,
  schemes,
  valuedOptions,
  type Commands,
  type CompletedValue,
} from './completed-values.js';

/** What bash reads. */
export function bashCompletion(commands: Commands): string {
  const [{ name, options }, ...others] = commands;
  const values = [...valuedOptions(commands)].map(
    ([flags, value]) => `      ${flags}) ${offer(value)} ;;`,
  );
  const rest = others.map((command) => {
    const positions = command.arguments.map((argument, index) => {
      const pattern = argument.repeats ? '*' : String(index);
      return `        ${pattern}) ${offer(completedArgument(commands, argument))} ;;`;
    });
    const flags = offer(command.options.flatMap(flagsOf));
    return `    ${command.name})
      if [[ "$cur" == -* ]]; then ${flags}; return; fi
      case $position in
${[...positions, '        *) ;;'].join('\n')}
      esac ;;`;
  });
  const first = [...others.map((command) => command.name), ...options.flatMap(flagsOf)];
  return `# bash completion for ${name}
_${name}_images() {
${listImages(name, '$1')}
}
_${name}_offer() {
  local IFS=$'\\n' prefix=''
  case "$1" in
    words) shift; COMPREPLY=($(compgen -W "$*" -- "$cur")) ;;
    images) COMPREPLY=($(compgen -W "$(_${name}_images "$store")" -- "$cur")) ;;
    folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur")) ;;
    files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
    locations)
      case "$cur" in
        store:*) COMPREPLY=($(compgen -P store: -W "$(_${name}_images "$store")" -- "\${cur#*:}")) ;;
        oci:*|oci-archive:*|docker-archive:*)
          compopt -o filenames 2>/dev/null
          COMPREPLY=($(compgen -P "\${cur%%:*}:" -f -- "\${cur#*:}")) ;;
        *)
          COMPREPLY=($(compgen -W "${schemes.join('${IFS}')}\${IFS}$(_${name}_images "$store")" -- "$cur"))
          if [[ "\${COMPREPLY[*]}" == *: ]]; then compopt -o nospace 2>/dev/null; fi ;;
      esac ;;
  esac
  # Readline puts in what is behind the last colon alone.
  if [[ "$cur" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
    prefix="\${cur%"\${cur##*:}"}"
    COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  fi
}
_${name}() {
  local -a words=()
  local cur='' command='' option='' word='' position=0 count=0 index
  local store="\${RXFER_STORE:-\${XDG_DATA_HOME:-$HOME/.local/share}/rxfer}"
  COMPREPLY=()
  # Readline breaks words at colons and equals signs.
  for ((index = 1; index <= COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [[ "$word" == '=' && $index -lt $COMP_CWORD ]]; then continue; fi
    if [[ $count -gt 0 && ( "$word" == :* || "\${words[count - 1]}" == *: ) ]]; then
      words[count - 1]+="$word"
    else
      words[count]="\${word#=}"
      count=$((count + 1))
    fi
  done
  cur="\${words[count - 1]}"
  for ((index = 0; index < count - 1; index++)); do
    word="\${words[index]}"
    if [[ -n "$option" && "$word" != -* ]]; then
      if [[ "$option" == --store ]]; then store="\${word/#\\~/$HOME}"; fi
      option=''
      continue
    fi
    option=''
    case "$word" in
      ${[...valuedOptions(commands).keys()].join('|')}) option="$word" ;;
      -*) ;;
      *) if [[ -z "$command" ]]; then command="$word"; else position=$((position + 1)); fi ;;
    esac
  done
  if [[ -n "$option" && "$cur" != -* ]]; then
    case "$option" in
${values.join('\n')}
    esac
    return
  fi
  case "$command" in
    '') ${offer(first)} ;;
${rest.join('\n')}
  esac
}
complete -F _${name} ${name}
`;

  function offer(value: CompletedValue): string {
    if (typeof value === 'string') return `_${name}_offer ${value}`;
    return value.length === 0 ? ':' : `_${name}_offer words ${value.map(quote).join(' ')}`;
  }
}
