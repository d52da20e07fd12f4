import { formatSeconds } from './format.js';

/** What a phase is to whoever looks at it; `done`: nothing is left to do. */
export type PhaseKind =
  'waiting' | 'moving' | 'retrying' | 'verifying' | 'extracting' | 'done' | 'other';

/** How a picture shows a kind. */
export interface KindLook {
  readonly kind: PhaseKind;
  /** As a legend has it. */
  readonly title: string;
  /** Of its bars, in pixels, if not all of the row: those who don't tell the colours apart see it by this. */
  readonly height?: number;
}

const other: KindLook = { kind: 'other', title: 'other' };
/** In the order of a layer's life. */
const looks: readonly (KindLook & { readonly phases: readonly string[] })[] = [
  {
    kind: 'waiting',
    title: 'waiting',
    height: 4,
    phases: ['Waiting', 'Pulling fs layer', 'Preparing'],
  },
  { kind: 'moving', title: 'moving bytes', phases: ['Downloading', 'Pushing'] },
  { kind: 'retrying', title: 'retrying', height: 8, phases: ['Retrying'] },
  {
    kind: 'verifying',
    title: 'verifying',
    phases: ['Verifying Checksum', 'Download complete'],
  },
  {
    kind: 'extracting',
    title: 'extracting, waiting for the layers below',
    phases: ['Extracting'],
  },
  { kind: 'done', title: '', phases: ['Pull complete', 'Pushed'] },
];

/**
 * What a phase of a layer is, for what shows it by colour or counts its time: `moving` of
 * Downloading and Pushing; `other` of those that nobody knows.
 */
export function phaseKind(phase: string): PhaseKind {
  return lookOf(phase).kind;
}

/** How the kind of a phase looks. */
export function lookOf(phase: string): KindLook {
  return looks.find(({ phases }) => phases.includes(phase)) ?? other;
}

/** How those of the kinds look that phases are of, in the order of a layer's life. */
export function looksOf(phases: readonly string[]): KindLook[] {
  const found = phases.map(lookOf);
  return [...looks, other].filter((look) => found.includes(look));
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
