import { formatSeconds } from './format.js';

/** What a phase is to whoever looks at it. */
export interface PhaseKind {
  /** The class of its bars. */
  readonly kind: 'waiting' | 'moving' | 'retrying' | 'verifying' | 'extracting' | 'other';
  /** As a legend has it. */
  readonly title: string;
  /** Of its bars, in pixels: those who don't tell the colours apart see it by this. */
  readonly height: number;
}

const other: PhaseKind = { kind: 'other', title: 'other', height: 14 };
const kinds: readonly (PhaseKind & { readonly phases: readonly string[] })[] = [
  {
    kind: 'waiting',
    title: 'waiting',
    height: 4,
    phases: ['Waiting', 'Pulling fs layer', 'Preparing'],
  },
  { kind: 'moving', title: 'moving bytes', height: 14, phases: ['Downloading', 'Pushing'] },
  { kind: 'retrying', title: 'retrying', height: 8, phases: ['Retrying'] },
  {
    kind: 'verifying',
    title: 'verifying',
    height: 14,
    phases: ['Verifying Checksum', 'Download complete'],
  },
  {
    kind: 'extracting',
    title: 'extracting, waiting for the layers below',
    height: 14,
    phases: ['Extracting'],
  },
];

/** What a phase is; those that nobody knows are all alike. */
export function kindOf(phase: string): PhaseKind {
  return kinds.find(({ phases }) => phases.includes(phase)) ?? other;
}

/** Those of the kinds that phases are of, in the order of a layer's life. */
export function kindsOf(phases: Iterable<string>): PhaseKind[] {
  const found = new Set([...phases].map(kindOf));
  return [...kinds, other].filter((kind) => found.has(kind));
}

/** Milliseconds as `340 ms`, `12.3 s` or `14m 2s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  return formatSeconds(Math.round(milliseconds / 1000)).replace(/ 0[sm]$/, '');
}

/** A round number of milliseconds that is at least so many, for the lines of an axis. */
export function roundStep(atLeast: number): number {
  if (atLeast > 30_000) {
    const minutes = atLeast / 60_000;
    return (
      ([1, 2, 5, 10, 20, 30].find((round) => round >= minutes) ?? Math.ceil(minutes / 60) * 60) *
      60_000
    );
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(1, atLeast)));
  return power * ([1, 2, 5].find((factor) => factor * power >= atLeast) ?? 10);
}
