import { createMemoryStore, openDiskStore, type Store } from '../../src/layer/index.js';
import { storeContract } from '../../src/testing/index.js';
import { describeStoreContract } from '../support/layer-store-contract.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

describeStoreContract('a store in memory', () => Promise.resolve(createMemoryStore()));
describeStoreContract('a store on disk', () => openDiskStore(temporaryFolder()));

describe('the contract', () => {
  const failures = async (open: () => Promise<Store>): Promise<string[]> => {
    const outcomes = await Promise.allSettled(storeContract.map(({ run }) => run(open)));
    return storeContract.flatMap(({ title }, index) =>
      outcomes[index]?.status === 'rejected' ? title : [],
    );
  };

  it('is failed by a store of one that forgets what was interrupted', async () => {
    const forgetful = (): Promise<Store> => {
      const store = createMemoryStore();
      const { layers } = store;
      const ingest: Store['layers']['ingest'] = async (blob, signal) => {
        const opened = await layers.ingest(blob, signal);
        if (opened.offset < blob.size) await opened.restart();
        return opened;
      };
      return Promise.resolve({
        ...store,
        layers: {
          acquire: (chainID) => layers.acquire(chainID),
          ingest,
          register: (staged, parent) => layers.register(staged, parent),
        },
      });
    };
    expect(await failures(forgetful)).toContain('goes on where the last ingest of a blob stopped');
  });
});
