import {
  createMemoryStore,
  createRxfer,
  type RegistryClient,
  type Rxfer,
} from '../../src/index.js';
import { sampleImage, type SampleImage } from '../../src/testing/index.js';
import { closeAll, openClient } from './loopback.js';

/** What a spec of something on registries begins with; made anew for each. */
export interface RemoteSetup {
  readonly client: RegistryClient;
  /** On that client and a store of its own. */
  readonly rxfer: Rxfer;
  /** Of one small layer. */
  readonly image: SampleImage;
}

/** Sets that up before each spec of a file, and ends after each what was opened for it. */
export function remoteSetup(): RemoteSetup {
  let image: SampleImage;
  let client: RegistryClient;
  let rxfer: Rxfer;
  beforeAll(async () => {
    image = await sampleImage({ layers: [[{ name: 'a', size: 10 }]] });
  });
  beforeEach(() => {
    client = openClient();
    rxfer = createRxfer({ store: createMemoryStore(), registry: client });
  });
  afterEach(closeAll);
  return {
    get client() {
      return client;
    },
    get rxfer() {
      return rxfer;
    },
    get image() {
      return image;
    },
  };
}
