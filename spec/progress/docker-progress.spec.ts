import { PassThrough } from 'node:stream';
import DockerModem from 'docker-modem';
import { concat, from, throwError, type Observable } from 'rxjs';
import { toDockerProgress, type ImageProgressEvent } from '../../src/progress/index.js';
import { cli } from '../support/cli.js';
import { layerDone, progressOf, resolvedImage } from '../support/progress-events.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { sampleImage, startRegistry } from '../../src/testing/index.js';

const reference = 'docker.io/library/alpine:3.20';
const layer = 'a1b2c3d4e5f6';

const pulled = (status: 'pulled' | 'exists'): ImageProgressEvent => ({
  kind: 'result',
  image: { reference, resolved: 'sha256:0123', statuses: [status] },
});

function messagesOf(
  events$: Observable<ImageProgressEvent>,
  options: Parameters<typeof toDockerProgress>[0] = {},
): unknown[] {
  const lines: string[] = [];
  events$.pipe(toDockerProgress(options)).subscribe((line) => lines.push(line));
  expect(lines.join('')).not.toContain('\n');
  return lines.map((line): unknown => JSON.parse(line));
}

describe('toDockerProgress', () => {
  it('tells of a pull in the words of docker pull', () => {
    const events = [
      resolvedImage({ [layer]: 3_408_729 }, reference),
      progressOf(layer, 'Pulling fs layer'),
      layerDone(layer),
      progressOf(layer, 'Downloading', { current: 1_703_936, total: 3_408_729 }),
      layerDone(layer),
      progressOf(layer, 'Pull complete'),
      pulled('pulled'),
    ];
    expect(messagesOf(from(events))).toEqual([
      { status: 'Pulling from library/alpine', id: '3.20' },
      { status: 'Pulling fs layer', progressDetail: {}, id: layer },
      {
        status: 'Downloading',
        progressDetail: { current: 1_703_936, total: 3_408_729 },
        progress: '[========================>                          ]  1.704MB/3.409MB',
        id: layer,
      },
      { status: 'Pull complete', progressDetail: {}, id: layer },
      { status: 'Digest: sha256:0123' },
      { status: 'Status: Downloaded newer image for alpine:3.20' },
    ]);
  });

  it('says of an image that was there that it is up to date', () => {
    expect(messagesOf(from([pulled('exists')])).at(-1)).toEqual({
      status: 'Status: Image is up to date for alpine:3.20',
    });
  });

  it.each([
    ['localhost:5000/app@sha256:0123', 'app', 'sha256:0123'],
    ['ghcr.io/org/app:v1@sha256:0123', 'org/app', 'v1'],
  ])('takes %s apart', (name, path, id) => {
    expect(messagesOf(from([resolvedImage({}, name)]))).toEqual([
      { status: `Pulling from ${path}`, id },
    ]);
  });

  it.each([
    [0, 10, `[>${' '.repeat(50)}]       0B/10B`],
    [999, 1000, `[${'='.repeat(49)}> ]     999B/1kB`],
    [5000, 5000, `[${'='.repeat(50)}>]      5kB/5kB`],
    [12_345_678, undefined, ' 12.35MB'],
    // One that is further than it should be says no more than that.
    [20, 10, `[${'='.repeat(50)}>]      20B`],
  ])('draws %d of %s bytes as docker does', (current, total, progress) => {
    const bytes = { current, ...(total === undefined ? {} : { total }) };
    expect(messagesOf(from([progressOf(layer, 'Downloading', bytes)]))).toMatchObject([
      { progress },
    ]);
  });

  // In moby's Go structs, `current` and `total` are both left out of the JSON where they are 0.
  it('leaves a count of nothing out of the detail, as docker does', () => {
    const bytes = { current: 0, total: 10 };
    const [message] = messagesOf(from([progressOf(layer, 'Downloading', bytes)]));
    expect(message).toMatchObject({ progressDetail: { total: 10 } });
    expect(message).not.toHaveProperty('progressDetail.current');
    const [unknown] = messagesOf(
      from([progressOf(layer, 'Downloading', { current: 5, total: 0 })]),
    );
    expect(unknown).toMatchObject({ progressDetail: { current: 5 }, progress: '      5B' });
    expect(unknown).not.toHaveProperty('progressDetail.total');
  });

  it('draws nothing where nothing is known, as docker does', () => {
    const [message] = messagesOf(from([progressOf(layer, 'Downloading', { current: 0 })]));
    expect(message).toEqual({ status: 'Downloading', progressDetail: {}, id: layer });
  });

  it('tells of a push in the words of docker push', () => {
    const manifest = { digest: 'sha256:4567', size: 428 };
    const events: ImageProgressEvent[] = [
      resolvedImage({ [layer]: 10 }),
      progressOf(layer, 'Preparing'),
      layerDone(layer),
      { kind: 'result', image: { reference, resolved: 'sha256:0123', manifest } },
    ];
    expect(messagesOf(from(events), { pushedTo: 'localhost:5000/app:v1' })).toEqual([
      { status: 'The push refers to repository [localhost:5000/app]' },
      { status: 'Preparing', progressDetail: {}, id: layer },
      { status: 'v1: digest: sha256:4567 size: 428' },
      { progressDetail: {}, aux: { Tag: 'v1', Digest: 'sha256:4567', Size: 428 } },
    ]);
  });

  it('ends in the error of a transfer that failed, and completes', () => {
    const failing$ = concat(
      from([progressOf(layer, 'Waiting')]),
      throwError(() => new Error('gone')),
    );
    expect(messagesOf(failing$).at(-1)).toEqual({
      errorDetail: { message: 'gone' },
      error: 'gone',
    });
  });
});

describe('rxfer pull --progress docker', () => {
  afterAll(removeTemporaryFolders);

  it("is read by docker-modem's followProgress", async () => {
    const registry = await startRegistry();
    try {
      const image = await sampleImage({ layers: [[{ name: 'a', size: 1000 }]] });
      registry.addImage('app', 'v1', image);
      const args = ['pull', `${registry.host}/app:v1`, '--store', temporaryFolder()];
      const { code, stderr } = await cli(...args, '--progress', 'docker');
      expect(code).toBe(0);
      const output = await follow(stderr);
      expect(output[0]).toEqual({ status: 'Pulling from app', id: 'v1' });
      expect(output.slice(-2)).toEqual([
        { status: `Digest: ${image.descriptor.digest}` },
        { status: `Status: Downloaded newer image for ${registry.host}/app:v1` },
      ]);
      const gone = await cli('pull', `${registry.host}/no:v1`, '--progress', 'docker');
      expect(gone.code).toBe(1);
      const [first = ''] = gone.stderr.split('\n');
      await expect(follow(`${first}\n`)).rejects.toThrow('no');
    } finally {
      await registry.close();
    }
  });

  function follow(text: string): Promise<unknown[]> {
    const stream = new PassThrough();
    stream.end(text);
    return new Promise((resolve, reject) => {
      new DockerModem().followProgress(stream, (error: Error | null, output: unknown[]) => {
        const failure = output.find(
          (message): message is { error: string } =>
            typeof message === 'object' && message !== null && 'error' in message,
        );
        if (error !== null) reject(error);
        else if (failure === undefined) resolve(output);
        else reject(new Error(failure.error));
      });
    });
  }
});
