import type { CommandDescription, OptionDescription } from './describe-program.js';

const exitCodes: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'What was asked for is done.'],
  ['1', 'It failed; two lines on standard error say why and what to do.'],
  ['2', 'Wrong usage; nothing was done.'],
  ['130, 143', 'Interrupted by SIGINT or SIGTERM; the next pull goes on where this one stopped.'],
];

const environment: readonly (readonly [variable: string, meaning: string])[] = [
  ['RXFER_STORE', 'The folder of the store, where --store does not say.'],
  ['RXFER_LOG_LEVEL', 'What is told on standard error, where --log-level does not say.'],
  ['XDG_DATA_HOME', 'The folder of data: the store is in rxfer in it, where nothing else says.'],
  ['XDG_RUNTIME_DIR', 'The folder of the socket of serve, where --listen does not say.'],
  ['DOCKER_AUTH_CONFIG', 'Logins to registries, as the text of a config.json.'],
  ['REGISTRY_AUTH_FILE', 'A file of logins to registries, as podman keeps them.'],
  ['DOCKER_CONFIG', 'The folder of the config.json that logins to registries are taken from.'],
  [
    'HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY',
    'The proxies that registries are reached through, and the hosts that need none.',
  ],
  ['XDG_CACHE_HOME', 'The folder of caches: code that was compiled is kept in rxfer/code in it.'],
  ['NODE_DISABLE_COMPILE_CACHE', 'When set and not empty, no compiled code is kept.'],
  ['NO_COLOR', 'When set and not empty, nothing is coloured.'],
];

/** When what stands here was last revised; of a release, its date. Not when it was built. */
const revised = '2026-11-25';

/** What mandoc's lint allows. */
const maxLineLength = 80;

/** The manual of the command line, in the man macros of roff. */
export function manPage(
  [program, ...commands]: readonly [CommandDescription, ...CommandDescription[]],
  version: string,
): string {
  return [
    `.TH ${program.name.toUpperCase()} 1 "${revised}" "${program.name} ${version}" "User Commands"`,
    '.SH NAME',
    filled(`${program.name} - ${program.description.replace(/\.$/, '')}`),
    '.SH SYNOPSIS',
    `.B ${program.name}`,
    '.I command',
    '[\\fIoptions\\fR] [\\fIarguments\\fR]',
    '.SH DESCRIPTION',
    filled(program.description),
    'Progress goes to standard error, the result alone to standard output.',
    '.SH COMMANDS',
    ...commands.flatMap((command) => commandSection(program.name, command)),
    '.SH OPTIONS',
    ...program.options.flatMap(optionParagraph),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(([code, meaning]) => paragraph(`\\fB${code}\\fR`, meaning)),
    '.SH ENVIRONMENT',
    ...environment.flatMap(([name, meaning]) => paragraph(`\\fB${name}\\fR`, meaning)),
    '',
  ].join('\n');
}

function commandSection(program: string, command: CommandDescription): string[] {
  const { name, usage, description, options, examples } = command;
  return [
    `.SS "${text(`${program} ${name} ${usage}`)}"`,
    filled(description),
    ...command.arguments.flatMap((each) =>
      each.description === '' ? [] : paragraph(`\\fI${text(each.name)}\\fR`, each.description),
    ),
    ...options.flatMap(optionParagraph),
    ...(examples.length === 0
      ? []
      : ['.PP', 'Examples:', '.PP', '.RS', '.nf', ...examples.map(text), '.fi', '.RE']),
  ];
}

function optionParagraph(option: OptionDescription): string[] {
  const { long, short, description, value, valueIsOptional, choices, defaultText } = option;
  const flags = [...(short === undefined ? [] : [`-${short}`]), `--${long}`];
  const bold = flags.map((flag) => `\\fB${text(flag)}\\fR`).join(', ');
  const italic = `\\fI${text(value ?? '')}\\fR`;
  const shown = valueIsOptional ? `[${italic}]` : italic;
  const title = value === undefined ? bold : `${bold} ${shown}`;
  const more = [
    ...(choices === undefined ? [] : [`one of ${choices.join(', ')}`]),
    ...(defaultText === undefined ? [] : [`by default ${defaultText}`]),
  ];
  return paragraph(title, [description, ...more].join('; '));
}

function paragraph(title: string, body: string): string[] {
  return ['.TP', title, filled(body)];
}

/** What is set in lines as long as the reader's, kept in short ones as those who read roff like. */
function filled(plain: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of plain.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && text(longer).length > maxLineLength) {
      lines.push(text(line));
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, text(line)].join('\n');
}

/** Nothing in it is taken for a request, an escape or a dash. */
function text(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('"', '\\(dq')
    .replace(/^([.'])/, '\\&$1');
}
