import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { Observable, tap, type Observer } from 'rxjs';
import type { RequestFacts, RequestObserver } from '../registry/index.js';
import { errorFields, type OperationFacts, type OperationObserver } from '../transfer/index.js';

/** What {@link openTelemetry} is built with. */
export interface OpenTelemetryOptions {
  /** Default: the one that is registered for the whole process. */
  readonly tracerProvider?: TracerProvider;
}

/** The two places at which rxfer lets itself be observed. */
export interface OpenTelemetryObservers {
  /** For `createRegistryClient`: a span for each HTTP request, until its answer's headers. */
  readonly observeRequest: RequestObserver;
  /** For `createRxfer`: a span for each pull, push and copy, and for each transfer of a layer. */
  readonly observeOperation: OperationObserver;
}

/**
 * Makes spans of what a client and an Rxfer do: `rxfer.pull` around `rxfer.download` and
 * `rxfer.register` by layer, around `GET`. Requests are put below the operation that they are made
 * for where a context manager is registered, as OpenTelemetry's SDKs for Node do.
 *
 * A transfer that several pulls share is below the pull that began it. Spans that end early, since
 * whoever watched has left, have the attribute `rxfer.cancelled`. Without an SDK nothing is recorded.
 *
 * @example
 * const { observeRequest, observeOperation } = openTelemetry();
 * const registry = createRegistryClient({ observeRequest });
 * const rxfer = createRxfer({ store, registry, observeOperation });
 */
export function openTelemetry({
  tracerProvider = trace.getTracerProvider(),
}: OpenTelemetryOptions = {}): OpenTelemetryObservers {
  const tracer = tracerProvider.getTracer('rxfer');
  return {
    observeRequest: (facts, send) => spanOfRequest(tracer, facts, send),
    observeOperation: (facts) => {
      // Here, since it begins in the context of whoever has given up a slot.
      const parent = context.active();
      return (source$) => spanOfOperation(tracer, parent, facts, source$);
    },
  };
}

function spanOfOperation<T>(
  tracer: Tracer,
  parent: Context,
  facts: OperationFacts,
  source$: Observable<T>,
): Observable<T> {
  return new Observable<T>((subscriber) => {
    const attributes = attributesOf(facts);
    const span = tracer.startSpan(`rxfer.${facts.name}`, { attributes }, parent);
    let isDone = false;
    const observed$ = source$.pipe(
      tap({
        next: (event) => (isDone ||= isResult(event)),
        error: (error: unknown) => fail(span, error),
        // Many leave as soon as they have the result.
        unsubscribe: () => isDone || span.setAttribute('rxfer.cancelled', true),
        finalize: () => span.end(),
      }),
    );
    // What follows on an event is no part of this any more.
    const outside: Observer<T> = {
      next: (event) => context.with(parent, () => subscriber.next(event)),
      error: (error: unknown) => context.with(parent, () => subscriber.error(error)),
      complete: () => context.with(parent, () => subscriber.complete()),
    };
    return context.with(trace.setSpan(parent, span), () => observed$.subscribe(outside));
  });
}

async function spanOfRequest<T extends { readonly status: number }>(
  tracer: Tracer,
  facts: RequestFacts,
  send: () => Promise<T>,
): Promise<T> {
  const attributes = httpAttributesOf(facts);
  const span = tracer.startSpan(facts.method, { kind: SpanKind.CLIENT, attributes });
  try {
    const answer = await context.with(trace.setSpan(context.active(), span), send);
    span.setAttribute('http.response.status_code', answer.status);
    if (answer.status >= 400) {
      span.setAttribute('error.type', String(answer.status));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    return answer;
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function attributesOf({ reference, layer, digest, size }: OperationFacts): Attributes {
  return {
    ...(reference === undefined ? {} : { 'rxfer.reference': reference }),
    ...(layer === undefined ? {} : { 'rxfer.layer': layer }),
    ...(digest === undefined ? {} : { 'rxfer.digest': digest }),
    ...(size === undefined ? {} : { 'rxfer.size': size }),
  };
}

/** By OpenTelemetry's semantic conventions for HTTP clients. */
function httpAttributesOf({ method, host, path }: RequestFacts): Attributes {
  const [, address = host, port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  return {
    'http.request.method': method,
    'server.address': address,
    ...(port === undefined ? {} : { 'server.port': Number(port) }),
    ...(path === undefined ? {} : { 'url.path': path }),
  };
}

/** Not by `recordException`: an error's causes may hold what a server sent. */
function fail(span: Span, error: unknown): void {
  const { code, reason } = errorFields(error);
  span.setAttribute('error.type', code ?? reason ?? 'error');
  span.setStatus({
    code: SpanStatusCode.ERROR,
    ...(reason === undefined ? {} : { message: String(reason) }),
  });
}

function isResult(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'kind' in event && event.kind === 'result';
}
