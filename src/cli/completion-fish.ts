import type { OptionDescription } from './describe-program.js';
import {
  completedArgument,
  completedOption,
  listImages,
  quote,
  schemes,
  valuedOptions,
  type Commands,
  type CompletedValue,
} from './completed-values.js';

/** What fish reads. */
export function fishCompletion(commands: Commands): string {
  const [{ name, options }, ...others] = commands;
  const begin = `complete -c ${name}`;
  const option = (condition: string, description: OptionDescription): string => {
    const { long, short } = description;
    const value = completedOption(description);
    return [
      `${begin} -n ${fishQuote(condition)} -l ${long}`,
      ...(short === undefined ? [] : [`-s ${short}`]),
      ...(value === undefined ? [] : [`-r ${offer(value)}`]),
      `-d ${fishQuote(description.description)}`,
    ].join(' ');
  };
  const lines = others.flatMap((command) => {
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    return [
      `${begin} -n __fish_use_subcommand -a ${command.name} -d ${fishQuote(command.description)}`,
      ...command.options.map((each) => option(seen, each)),
      ...command.arguments.map((argument, index) => {
        const here = argument.repeats ? '' : `; and test (__${name}_position) = ${index}`;
        const value = completedArgument(commands, argument);
        return `${begin} -n ${fishQuote(`${seen}${here}`)} ${offer(value)}`;
      }),
    ];
  });
  const valued = [...valuedOptions(commands).keys()].flatMap((flags) => flags.split('|'));
  return `# fish completion for ${name}
function __${name}_images
    set -l words (commandline -opc)
    set -l store (set -q RXFER_STORE; and echo $RXFER_STORE; or begin
        set -q XDG_DATA_HOME; and echo $XDG_DATA_HOME/rxfer; or echo $HOME/.local/share/rxfer
    end)
    if set -l given (contains -i -- --store $words)
        set store (string replace -r '^~' $HOME -- $words[(math $given + 1)])
    end
    sh -c ${fishQuote(`list() {\n${listImages(name, '$1')}\n}\nlist "$1"`)} sh $store
end
function __${name}_locations
    set -l scheme (string match -r '^(?:oci|oci-archive|docker-archive):' -- (commandline -ct))
    if test -n "$scheme"
        set -l path (string replace -- $scheme '' (commandline -ct))
        for file in $path*
            test -d $file; and echo $scheme$file/; or echo $scheme$file
        end
    else
        printf '%s\\n' ${schemes.join(' ')}
        __${name}_images
        __${name}_images | string replace -r '^' store:
    end
end
function __${name}_position
    set -l count 0
    set -l value 0
    for word in (commandline -opc)[3..-1]
        if test $value = 1; and not string match -q -- '-*' $word
            set value 0
        else if contains -- $word ${valued.join(' ')}
            set value 1
        else
            set value 0
            string match -q -- '-*' $word; or set count (math $count + 1)
        end
    end
    echo $count
end
${[
  `${begin} -f`,
  ...options.map((each) => option('__fish_use_subcommand', each)),
  ...lines,
  '',
].join('\n')}`;

  function offer(value: CompletedValue): string {
    switch (value) {
      case 'images':
      case 'locations':
        return `-f -a '(__${name}_${value})'`;
      case 'folders':
        return `-f -a '(__fish_complete_directories)'`;
      case 'files':
        return '-F';
      default:
        return value.length === 0 ? '-f' : `-f -a ${fishQuote(value.join(' '))}`;
    }
  }
}

function fishQuote(text: string): string {
  return quote(text.replaceAll('\\', '\\\\')).replaceAll("'\\''", "\\'");
}
