import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { lastValueFrom, merge, takeWhile } from 'rxjs';
import { createMemoryStore, createRxfer } from '../../src/index.js';
import { sampleImage, type TestRegistry } from '../../src/testing/index.js';
import { tracedRxfer } from '../guide/examples/traces.js';
import { closeAll, openClient, openRegistry } from '../support/loopback.js';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let registry: TestRegistry;
let traced: ReturnType<typeof tracedRxfer>;

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
});
afterAll(async () => {
  await provider.shutdown();
  trace.disable();
  context.disable();
});
beforeEach(async () => {
  exporter.reset();
  registry = await openRegistry();
  traced = tracedRxfer(createMemoryStore());
});
afterEach(async () => {
  await traced.registry.close();
  await closeAll();
});

function spans(name?: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name);
}

function childrenOf(parent: ReadableSpan, name: string): ReadableSpan[] {
  const { spanId } = parent.spanContext();
  return spans(name).filter(({ parentSpanContext }) => parentSpanContext?.spanId === spanId);
}

async function addImage(name: string, layers: number): Promise<string> {
  const files = Array.from({ length: layers }, (_, index) => [
    { name: `${name}-${index}`, size: 20_000 },
  ]);
  registry.addImage(name, 'v1', await sampleImage({ layers: files }));
  return `${registry.host}/${name}:v1`;
}

describe('the spans of a pull', () => {
  it('are one of the pull, below it those of its layers, and below these the requests', async () => {
    const reference = await addImage('app', 2);
    await lastValueFrom(traced.rxfer.pull(reference));
    const [pull] = spans('rxfer.pull');
    expect(pull?.parentSpanContext).toBeUndefined();
    expect(pull?.attributes).toEqual({ 'rxfer.reference': reference });
    expect(pull?.status.code).toBe(SpanStatusCode.UNSET);
    const downloads = childrenOf(pull!, 'rxfer.download');
    expect(downloads).toHaveLength(2);
    expect(childrenOf(pull!, 'rxfer.register')).toHaveLength(2);
    for (const download of downloads) {
      const digest = String(download.attributes['rxfer.digest']);
      expect(childrenOf(download, 'GET').map(({ attributes }) => attributes)).toEqual([
        {
          'http.request.method': 'GET',
          'server.address': '127.0.0.1',
          'server.port': Number(registry.host.split(':')[1]),
          'url.path': `/v2/app/blobs/${digest}`,
          'http.response.status_code': 200,
        },
      ]);
    }
    expect(spans('GET').length + spans('HEAD').length).toBe(registry.requests.length);
    expect(childrenOf(pull!, 'GET').length).toBe(spans('GET').length - 2);
  });

  it('are below the pull that asked, though another has freed the slot', async () => {
    traced.rxfer.setConcurrency(1);
    const references = [await addImage('one', 3), await addImage('two', 3)];
    await lastValueFrom(merge(...references.map((each) => traced.rxfer.pull(each))));
    expect(spans('rxfer.pull')).toHaveLength(2);
    for (const pull of spans('rxfer.pull')) {
      const name = /\/(\w+):v1$/.exec(String(pull.attributes['rxfer.reference']))?.[1];
      const downloads = childrenOf(pull, 'rxfer.download');
      const requests = downloads.flatMap((download) => childrenOf(download, 'GET'));
      expect(requests).toHaveLength(3);
      for (const { attributes } of requests) {
        expect(attributes['url.path']).toContain(`/v2/${name}/blobs/`);
      }
      expect(childrenOf(pull, 'rxfer.register')).toHaveLength(3);
    }
  });

  it('are errors where it fails', async () => {
    const failure = lastValueFrom(traced.rxfer.pull(`${registry.host}/nowhere:v1`));
    await expect(failure).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    const [pull] = spans('rxfer.pull');
    expect(pull?.status.code).toBe(SpanStatusCode.ERROR);
    expect(pull?.attributes['error.type']).toBe('ERR_NOT_FOUND');
    const [request] = [...spans('GET'), ...spans('HEAD')];
    expect(request?.status.code).toBe(SpanStatusCode.ERROR);
    expect(request?.attributes).toMatchObject({
      'error.type': '404',
      'http.response.status_code': 404,
    });
  });

  it('end, as cancelled, when nobody watches any more', async () => {
    const reference = await addImage('app', 1);
    await lastValueFrom(
      traced.rxfer.pull(reference).pipe(takeWhile(({ kind }) => kind !== 'resolved', true)),
    );
    expect(spans('rxfer.pull')[0]?.attributes['rxfer.cancelled']).toBe(true);
  });

  it('are none without the observers', async () => {
    const reference = await addImage('app', 1);
    const rxfer = createRxfer({ store: createMemoryStore(), registry: openClient() });
    await lastValueFrom(rxfer.pull(reference));
    expect(spans()).toEqual([]);
  });
});

it('a push has spans of its uploads and requests', async () => {
  const source = await addImage('app', 2);
  await lastValueFrom(traced.rxfer.pull(source));
  exporter.reset();
  const target = await openRegistry();
  await lastValueFrom(traced.rxfer.push(`${target.host}/copy:v1`, { source }));
  const [push] = spans('rxfer.push');
  const uploads = childrenOf(push!, 'rxfer.upload');
  expect(uploads).toHaveLength(2);
  for (const upload of uploads) expect(childrenOf(upload, 'PUT')).toHaveLength(1);
});

it("undici's own channels tell of the requests as well", async () => {
  const seen: string[] = [];
  const listen = (message: unknown): void => {
    seen.push((message as { request: { path: string } }).request.path);
  };
  subscribe('undici:request:create', listen);
  try {
    const reference = await addImage('app', 1);
    const rxfer = createRxfer({ store: createMemoryStore(), registry: openClient() });
    await lastValueFrom(rxfer.pull(reference));
    expect(seen).toEqual(registry.requests.map(({ path }) => path));
  } finally {
    unsubscribe('undici:request:create', listen);
  }
});
