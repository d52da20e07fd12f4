import {
  ctrFetch,
  ctrPull,
  podmanPull,
  rxferPull,
  rxferPullAndUnpack,
  rxferPush,
  rxferToLayout,
  rxferUnpack,
  skopeoAndUmoci,
  skopeoPush,
  skopeoToLayout,
  type Contestant,
} from './contestants.js';
import type { BenchImage } from './fixtures.js';

/** Work that can be done in several ways. */
export interface Scenario {
  readonly title: string;
  readonly contestants: readonly Contestant[];
  /**
   * What is there before: nothing, the image itself, or another one of which the image is the next
   * version.
   */
  readonly before: 'nothing' | 'itself' | 'previous';
  /** `empty`: each run has a registry of its own. */
  readonly registry: 'full' | 'empty';
}

const skopeo = 'skopeo copy';
const podman = 'podman pull (overlay)';
const ctr = 'ctr images pull (overlayfs)';

const umociExcuse = ({ compression }: BenchImage): string | undefined =>
  compression === 'zstd' ? "umoci doesn't read zstd" : undefined;
const pullWithPodman: Contestant = { name: podman, needs: ['podman'], run: podmanPull };
const pullWithCtr: Contestant = { name: ctr, needs: ['containerd', 'ctr'], run: ctrPull };
const copyWithSkopeo: Contestant = { name: skopeo, needs: ['skopeo'], run: skopeoToLayout };
const fetchWithCtr: Contestant = {
  name: 'ctr content fetch',
  needs: ['containerd', 'ctr'],
  run: ctrFetch,
};

const again: readonly Contestant[] = [
  copyWithSkopeo,
  { name: 'rxfer copy', needs: [], against: [skopeo], run: rxferToLayout },
  pullWithPodman,
  pullWithCtr,
  { name: 'rxfer pull', needs: [], against: [podman, ctr], run: rxferPull },
];

/** The scenarios by the names they are asked for with. */
export const scenarios = {
  pull: {
    title: 'Pull to blobs alone, an OCI layout',
    contestants: [
      copyWithSkopeo,
      fetchWithCtr,
      {
        name: 'rxfer copy',
        needs: [],
        against: [skopeo, fetchWithCtr.name],
        run: rxferToLayout,
      },
    ],
    before: 'nothing',
    registry: 'full',
  },
  unpack: {
    title: 'Pull and unpack',
    contestants: [
      {
        name: 'skopeo copy, umoci unpack',
        needs: ['skopeo', 'umoci'],
        excuse: umociExcuse,
        run: skopeoAndUmoci,
      },
      pullWithPodman,
      pullWithCtr,
      { name: 'rxfer pull', needs: [], against: [podman, ctr], run: rxferPull },
      {
        name: 'rxfer unpack docker://',
        needs: [],
        against: ['skopeo copy, umoci unpack', podman, ctr],
        run: rxferUnpack,
      },
      {
        name: 'rxfer pull, unpack',
        needs: [],
        against: ['skopeo copy, umoci unpack'],
        run: rxferPullAndUnpack(),
      },
      {
        name: 'rxfer pull, unpack --link',
        needs: [],
        against: ['skopeo copy, umoci unpack'],
        run: rxferPullAndUnpack('--link'),
      },
      {
        name: 'rxfer pull, unpack --link hard',
        needs: [],
        against: ['skopeo copy, umoci unpack', podman, ctr],
        run: rxferPullAndUnpack('--link', 'hard'),
      },
    ],
    before: 'nothing',
    registry: 'full',
  },
  push: {
    title: 'Push an OCI layout to an empty registry',
    contestants: [
      { name: skopeo, needs: ['skopeo'], run: skopeoPush },
      { name: 'rxfer copy', needs: [], against: [skopeo], run: rxferPush },
    ],
    before: 'nothing',
    registry: 'empty',
  },
  again: {
    title: 'Pull again, with everything there',
    contestants: again,
    before: 'itself',
    registry: 'full',
  },
  update: {
    title: 'Pull the next version, 1 layer of 12 new',
    contestants: again,
    before: 'previous',
    registry: 'full',
  },
} satisfies Record<string, Scenario>;
