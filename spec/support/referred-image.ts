import type { RegistryClient } from '../../src/index.js';
import { sampleImage, type SampleImage } from '../../src/testing/index.js';
import { pushSample } from './push-sample.js';
import { sampleReferrer } from './sample-referrer.js';

/** An image that has referrers, to one of which another refers in turn. */
export interface ReferredImage {
  readonly image: SampleImage;
  readonly signature: SampleImage;
  readonly contents: SampleImage;
  /** Of the list of contents. */
  readonly second: SampleImage;
}

/** A small one. */
export async function referredImage(): Promise<ReferredImage> {
  const image = await sampleImage({ layers: [[{ name: 'a', size: 10 }]] });
  const contents = sampleReferrer(image.descriptor, 'an/sbom', 'two');
  return {
    image,
    signature: sampleReferrer(image.descriptor, 'a/signature', 'one'),
    contents,
    second: sampleReferrer(contents.descriptor, 'a/signature', 'three'),
  };
}

/** Pushes the image and its referrers; its name there. */
export async function pushReferred(
  client: RegistryClient,
  repository: string,
  { image, signature, contents, second }: ReferredImage,
): Promise<string> {
  const name = `${repository}:v1`;
  await pushSample(client, name, image);
  for (const each of [signature, contents, second]) {
    await pushSample(client, `${repository}@${each.descriptor.digest}`, each);
  }
  return name;
}
