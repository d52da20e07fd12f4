import type { OptionDescription } from './describe-program.js';
import {
  completedArgument,
  completedOption,
  flagsOf,
  listImages,
  quote,
  schemes,
  type Commands,
  type CompletedValue,
} from './completed-values.js';

/** What zsh reads. */
export function zshCompletion(commands: Commands): string {
  const [{ name, options }, ...others] = commands;
  const list = others.map((command) => quote(`${command.name}:${command.description}`));
  const cases = others.map((command) => {
    const specs = [
      ...command.options.map((option) => zshOption(name, option)),
      ...command.arguments.map((argument, index) => {
        const action = zshAction(name, completedArgument(commands, argument));
        return quote(`${argument.repeats ? '*' : String(index + 1)}:${argument.name}:${action}`);
      }),
    ];
    return `    ${command.name}) _arguments -s ${specs.join(' \\\n      ')} ;;`;
  });
  return `#compdef ${name}
_${name}_images() {
  local store="\${RXFER_STORE:-\${XDG_DATA_HOME:-$HOME/.local/share}/rxfer}" given=\${words[(I)--store]}
  if (( given > 0 && given < CURRENT )); then store="\${words[given + 1]/#\\~/$HOME}"; fi
  local -a images=("\${(@f)$(_${name}_list "$store")}")
  compadd -- \${images:#}
}
_${name}_list() {
${listImages(name, '$1')}
}
_${name}_locations() {
  if compset -P store:; then _${name}_images
  elif compset -P '(oci|oci-archive|docker-archive):'; then _files
  else
    compadd -S '' -- ${schemes.join(' ')}
    _${name}_images
  fi
}
_${name}() {
  local -a commands=(
    ${list.join('\n    ')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _arguments ${options.map((option) => zshOption(name, option)).join(' ')}
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${cases.join('\n')}
  esac
}
compdef _${name} ${name}
`;
}

function zshOption(program: string, option: OptionDescription): string {
  const text = option.description.replace(/[[\]\\:]/g, (character) => `\\${character}`);
  const value = completedOption(option);
  const title = option.value?.replace(/[^\w-]+/g, ' ') ?? '';
  const colon = option.valueIsOptional ? '::' : ':';
  const action = value === undefined ? '' : `${colon}${title}:${zshAction(program, value)}`;
  const rest = `[${text}]${action}`;
  const flags = flagsOf(option);
  if (flags.length === 1) return quote(`--${option.long}${rest}`);
  return `${quote(`(${flags.join(' ')})`)}{${flags.join(',')}}${quote(rest)}`;
}

function zshAction(program: string, value: CompletedValue): string {
  switch (value) {
    case 'images':
    case 'locations':
      return `_${program}_${value}`;
    case 'folders':
      return '_files -/';
    case 'files':
      return '_files';
    default:
      // A blank, where there is nothing to offer.
      return value.length === 0 ? ' ' : `(${value.join(' ')})`;
  }
}
