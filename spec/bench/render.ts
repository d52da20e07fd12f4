import type { Comparison, Figures, Results, Row } from './results.js';

const begin = '<!-- measured: begin -->';
const end = '<!-- measured: end -->';

/** A page with what stands between its markers replaced by the results, as tables. */
export function renderInto(page: string, results: Results): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page lacks '${begin}' and '${end}'`);
  const text = renderResults(results);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

/** All results in Markdown: a section for each scenario and for each table of figures. */
export function renderResults({ comparisons, figures }: Results): string {
  const titles = [...new Set(comparisons.map(({ title }) => title))];
  const sections = titles.map((title) =>
    [
      `### ${title}`,
      ...comparisons.filter((each) => each.title === title).map(comparisonText),
    ].join('\n\n'),
  );
  return [...sections, ...figures.map(figuresText), circumstancesText({ comparisons, figures })]
    .filter((text) => text !== '')
    .join('\n\n');
}

function comparisonText(comparison: Comparison): string {
  const { imageTitle, image, link, rows, absent, runs, scenario, measured } = comparison;
  const where = link === 'slow' ? ', behind 200 Mbit/s and a round trip of 30 ms' : '';
  const option = link === 'slow' ? ' --link' : '';
  const command = `npm run bench -- ${scenario} --image ${image}${option} --runs ${runs}`;
  return [
    `**${imageTitle} (${image})${where}**: medians of ${runs}, ${measured.date}, \`${command}\``,
    table(
      ['', 'wall', 'CPU', 'memory', 'of its peers: wall, CPU'],
      rows.map((row) => [
        row.name,
        milliseconds(row.cost.wall),
        milliseconds(row.cost.cpu),
        `${Math.round(row.cost.memory / 1e6)} MB`,
        ratios(row, rows),
      ]),
    ),
    ...(absent.length === 0
      ? []
      : [`Left out: ${absent.map(({ name, reason }) => `${name} (${reason})`).join('; ')}.`]),
  ].join('\n\n');
}

function ratios(row: Row, rows: readonly Row[]): string {
  return row.against
    .flatMap((name) => rows.filter((other) => other.name === name))
    .map(({ name, cost }) => {
      const [wall, cpu] = [row.cost.wall / cost.wall, row.cost.cpu / cost.cpu];
      return `${wall.toFixed(2)}, ${cpu.toFixed(2)} of ${name}`;
    })
    .join('; ');
}

function figuresText({ title, columns, lines, plot, command, measured }: Figures): string {
  return [
    `### ${title}`,
    `${measured.date}, \`${command}\``,
    table(
      columns,
      lines.map((line) => line.map(cell)),
    ),
    ...(plot === undefined ? [] : [`![${title}](${plot})`]),
  ].join('\n\n');
}

function circumstancesText({ comparisons, figures }: Results): string {
  const all = [...comparisons, ...figures].map(({ measured }) => measured);
  const seen = all.map(({ machine, versions }) => {
    const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    return `- ${machine}; ${names.join(', ')}`;
  });
  return seen.length === 0
    ? ''
    : ['### Measured on', [...new Set(seen)].sort().join('\n')].join('\n\n');
}

function table(columns: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = columns.map((column, index) =>
    Math.max(3, column.length, ...lines.map((line) => (line[index] ?? '').length)),
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((text, index) => pad(text, widths[index] ?? 0, index)).join(' | ')} |`;
  const rule = widths.map((width, index) =>
    index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [row(columns), `| ${rule.join(' | ')} |`, ...lines.map(row)].join('\n');
}

function pad(text: string, width: number, index: number): string {
  return index === 0 ? text.padEnd(width) : text.padStart(width);
}

function cell(value: number | string): string {
  if (typeof value === 'string') return value;
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return Number.isInteger(value) ? grouped(value) : grouped(Number(value.toFixed(digits)));
}

function milliseconds(value: number): string {
  return `${grouped(Math.round(value))} ms`;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
