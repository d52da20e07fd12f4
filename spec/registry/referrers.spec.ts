import { lastValueFrom, toArray } from 'rxjs';
import { digestOf, mediaTypes, parseReference, type Descriptor } from '../../src/index.js';
import type { SampleImage } from '../../src/testing/index.js';
import { cli } from '../support/cli.js';
import { openDockerRegistry, openRegistry } from '../support/loopback.js';
import { describeWithPeers } from '../support/peers.js';
import { pushSample } from '../support/push-sample.js';
import { remoteSetup } from '../support/remote-setup.js';
import { sampleReferrer } from '../support/sample-referrer.js';

const { signal } = new AbortController();
const setup = remoteSetup();

const referrersOf = (name: string, artifactType?: string): Promise<Descriptor[]> => {
  const options = artifactType === undefined ? {} : { artifactType };
  return lastValueFrom(setup.rxfer.referrers(name, options).pipe(toArray()));
};
const entry = (referrer: SampleImage, artifactType: string): object => ({
  mediaType: mediaTypes.ociManifest,
  digest: referrer.descriptor.digest,
  size: referrer.descriptor.size,
  artifactType,
  annotations: { about: artifactType },
});

/** Pushes an image with a signature and two lists of what is in it; what the listing has then. */
async function pushThree(host: string): Promise<object[]> {
  await pushSample(setup.client, `${host}/app:v1`, setup.image);
  const types = ['an/sbom', 'a/signature', 'an/sbom'];
  const three = types.map((type, index) =>
    sampleReferrer(setup.image.descriptor, type, String(index)),
  );
  for (const each of three)
    await pushSample(setup.client, `${host}/app@${each.descriptor.digest}`, each);
  return three.map((each, index) => entry(each, types[index]!));
}

describe('referrers', () => {
  it('are those of the list that the registry has, in pages, of one type where asked for', async () => {
    const registry = await openRegistry({ pageSize: 2 });
    const three = await pushThree(registry.host);
    const name = `${registry.host}/app:v1`;
    expect(await referrersOf(name)).toEqual(three);
    expect(await referrersOf(name, 'an/sbom')).toEqual([three[0], three[2]]);
    expect([...registry.repository('app').tags.keys()]).toEqual(['v1']);
    const asked = registry.requests.filter(({ path }) => path.includes('/referrers/'));
    expect(asked).toHaveLength(3);
    const other = `${registry.host}/app@${digestOf('none')}`;
    expect(await referrersOf(other)).toEqual([]);
  });

  it('are filtered here where the registry says that it has not', async () => {
    const registry = await openRegistry();
    const three = await pushThree(registry.host);
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: three,
    });
    registry.inject({
      match: { path: /referrers/ },
      fault: { kind: 'status', status: 200, body },
    });
    expect(await referrersOf(`${registry.host}/app:v1`, 'a/signature')).toEqual([three[1]]);
  });

  it('are kept under a tag where the registry has no list, beside what others have put there', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    const repository = registry.repository('app');
    const tag = setup.image.descriptor.digest.replace(':', '-');
    const { mediaType, digest, size } = setup.image.descriptor;
    const theirs = { mediaType, digest, size, artifactType: 'their/own' };
    const list = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [theirs],
        extra: 1,
      }),
    );
    repository.put(tag, { mediaType: mediaTypes.ociIndex, bytes: list });
    const three = await pushThree(registry.host);
    expect(await referrersOf(`${registry.host}/app:v1`)).toEqual([theirs, ...three]);
    expect(await referrersOf(`${registry.host}/app:v1`, 'an/sbom')).toEqual([three[0], three[2]]);
    const kept = repository.manifests.get(repository.tags.get(tag)!)!;
    expect(JSON.parse(kept.bytes.toString())).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [theirs, ...three],
      extra: 1,
    });
    // Pushed again, it isn't listed again.
    await pushThree(registry.host);
    expect(await referrersOf(`${registry.host}/app:v1`)).toHaveLength(4);
  });

  it('that come at once are all listed, and one that another client has overwritten again', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    const repository = registry.repository('app');
    const tag = setup.image.descriptor.digest.replace(':', '-');
    await pushSample(setup.client, `${registry.host}/app:v1`, setup.image);
    const many = Array.from({ length: 5 }, (_, index) =>
      sampleReferrer(setup.image.descriptor, 'a/signature', `at once ${index}`),
    );
    await Promise.all(
      many.map((each) =>
        pushSample(setup.client, `${registry.host}/app@${each.descriptor.digest}`, each),
      ),
    );
    expect(await referrersOf(`${registry.host}/app:v1`)).toHaveLength(5);
    // The list as it is read back the first time is that of somebody else.
    const empty = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
    const overwritten = registry.inject({
      match: { method: 'GET', path: new RegExp(tag) },
      skip: 1,
      times: 1,
      fault: {
        kind: 'status',
        status: 200,
        headers: { 'content-type': mediaTypes.ociIndex },
        body: JSON.stringify(empty),
      },
    });
    const late = sampleReferrer(setup.image.descriptor, 'a/signature', 'late');
    await pushSample(setup.client, `${registry.host}/app@${late.descriptor.digest}`, late);
    expect(overwritten.hits).toBe(1);
    const list = repository.manifests.get(repository.tags.get(tag)!)!;
    expect(list.bytes.toString()).toContain(late.descriptor.digest);
  });

  it('that are gone and still listed are taken off where the registry refuses the list for them', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    const [first, second] = (await pushThree(registry.host)) as Descriptor[];
    for (const { digest } of [first!, second!]) registry.repository('app').manifests.delete(digest);
    const late = sampleReferrer(setup.image.descriptor, 'a/signature', 'late');
    await pushSample(setup.client, `${registry.host}/app@${late.descriptor.digest}`, late);
    const listed = await referrersOf(`${registry.host}/app:v1`);
    expect(listed).toHaveLength(2);
    expect(listed).toContainEqual(entry(late, 'a/signature'));
  });

  it('that are gone hide no other refusal of the list', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    const [first] = (await pushThree(registry.host)) as Descriptor[];
    registry.repository('app').manifests.delete(first!.digest);
    const tag = setup.image.descriptor.digest.replace(':', '-');
    const match = { method: 'PUT', path: new RegExp(tag) };
    const late = sampleReferrer(setup.image.descriptor, 'a/signature', 'late');
    const name = `${registry.host}/app@${late.descriptor.digest}`;
    for (const status of [400, 403]) {
      // The first refusal is for the one that is gone.
      registry.inject({ match, skip: 1, times: 1, fault: { kind: 'status', status } });
      await expect(pushSample(setup.client, name, late)).rejects.toMatchObject({ status });
    }
  });

  it('on a list that has a subject itself are listed there alone', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    const { descriptor } = setup.image;
    const list = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
    const bytes = Buffer.from(JSON.stringify({ ...list, subject: descriptor }));
    const tag = descriptor.digest.replace(':', '-');
    registry.repository('app').put(tag, { mediaType: mediaTypes.ociIndex, bytes });
    expect(await pushThree(registry.host)).toEqual(await referrersOf(`${registry.host}/app:v1`));
  });

  it('leave a tag alone that leads to no list', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    const tag = setup.image.descriptor.digest.replace(':', '-');
    registry.addImage('app', tag, setup.image);
    const referrer = sampleReferrer(setup.image.descriptor, 'a/signature', 'x');
    const name = `${registry.host}/app@${referrer.descriptor.digest}`;
    await expect(pushSample(setup.client, name, referrer)).rejects.toMatchObject({
      code: 'ERR_REFERRERS_TAG',
      reference: `${registry.host}/app:${tag}`,
    });
    expect(registry.repository('app').tags.get(tag)).toBe(setup.image.descriptor.digest);
  });
});

describeWithPeers(['docker-registry'], 'referrers on docker-registry, which has no list', () => {
  it('are kept under the tag, and listed by rxfer referrers', async () => {
    const registry = await openDockerRegistry();
    const three = await pushThree(registry.host);
    const name = `${registry.host}/app:v1`;
    expect(await referrersOf(name)).toEqual(three);
    const args = ['referrers', name, '--artifact-type', 'a/signature'];
    const text = await cli(...args);
    const { digest } = three[1] as Descriptor;
    expect(text).toEqual({ code: 0, stdout: `${digest}  a/signature\n`, stderr: '' });
    const json = await cli(...args, '--format', 'json');
    expect(JSON.parse(json.stdout)).toEqual({ reference: name, referrers: [three[1]] });
    const tag = setup.image.descriptor.digest.replace(':', '-');
    const list = await setup.client.manifest(parseReference(`${registry.host}/app:${tag}`), signal);
    expect(list.descriptor.mediaType).toBe(mediaTypes.ociIndex);
  });
});
