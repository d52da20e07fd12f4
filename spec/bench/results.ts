import { existsSync, readFileSync } from 'node:fs';
import type { Cost } from './processes.js';

/** Where results are kept, from the top of the repository. */
export const resultsFile = 'docs/performance.json';

/** What one way of doing a scenario's work has cost. */
export interface Row {
  readonly name: string;
  /** What it is to be compared with: names of other rows. */
  readonly against: readonly string[];
  /** Medians. */
  readonly cost: Cost;
  /** Each run's wall time, in ms. */
  readonly walls: readonly number[];
}

/** Who stayed out, and why. */
export interface Absence {
  readonly name: string;
  readonly reason: string;
}

/** A scenario measured with an image over a link. */
export interface Comparison {
  readonly scenario: string;
  readonly image: string;
  /** How the registry is reached. */
  readonly link: 'loopback' | 'slow';
  readonly title: string;
  readonly imageTitle: string;
  readonly rows: readonly Row[];
  readonly absent: readonly Absence[];
  readonly runs: number;
  readonly measured: Circumstances;
}

/** Where and when something was measured. */
export interface Circumstances {
  /** ISO 8601, to the day. */
  readonly date: string;
  readonly machine: string;
  /** Of the programs, by their names. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Figures in a table, one line for each value of what grows or is tried. */
export interface Figures {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly lines: readonly (readonly (number | string)[])[];
  /** The plot of it beside the page, if there is one. */
  readonly plot?: string;
  /** What to run to measure it again. */
  readonly command: string;
  readonly measured: Circumstances;
}

/** All that was measured. */
export interface Results {
  readonly comparisons: readonly Comparison[];
  readonly figures: readonly Figures[];
}

/** With a comparison added, in place of the one of the same scenario, image and link. */
export function withComparison(results: Results, comparison: Comparison): Results {
  const key = ({ scenario, image, link }: Comparison): string => [scenario, image, link].join(' ');
  return { ...results, comparisons: replaced(results.comparisons, comparison, key) };
}

/** With figures added, in place of those of the same name. */
export function withFigures(results: Results, figures: Figures): Results {
  return { ...results, figures: replaced(results.figures, figures, ({ name }) => name) };
}

/** What was written before; nothing when there is no such file. */
export function readResults(file: string): Results {
  if (!existsSync(file)) return { comparisons: [], figures: [] };
  return JSON.parse(readFileSync(file, 'utf8')) as Results;
}

function replaced<T>(all: readonly T[], one: T, keyOf: (each: T) => string): T[] {
  const others = all.filter((each) => keyOf(each) !== keyOf(one));
  return [...others, one].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
