import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Context as TraceContext, Span } from '@opentelemetry/api'
import { parseTraceParent } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { getOperationAST } from 'graphql'
import type { ExecutionArgs, OperationDefinitionNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { Context, Request } from '../../graphql/base/context.ts'
import type { TracingSettings } from '../../settings.ts'
import { VERSION } from '../../version.ts'

export type Tracing = {
  /** Runs an operation in a span of its own, below the one that the client names. */
  readonly operation: <T>(caller: Request, operation: OperationDefinitionNode | null | undefined, run: () => T) => T
  /** Runs a statement in a span below the operation's, if there is one. Its values are not recorded. */
  readonly statement: <T>(name: string, run: () => Promise<T>) => Promise<T>
  readonly stop: () => Promise<void>
}

/** The time that a stop waits for spans that were not sent yet. Milliseconds. */
const FLUSH_MS = 1_000

/** Sends spans to a collector, in the background; where it cannot keep up, or is away, spans are lost and nothing else. */
export function startTracing({ endpoint, ratio }: TracingSettings, log: Logger): Tracing {
  const warn = (message: string) => log.warn(`traces: ${message}`)
  const quiet = () => {}
  diag.setLogger(
    { error: warn, warn, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  const sampled = new TraceIdRatioBasedSampler(ratio)
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'fleetshare', 'service.version': VERSION }))
      .merge(detectResources({ detectors: [envDetector] })),
    // Clients are strangers: a client that wants its trace gets it as often as all others; one that wants none gets none.
    sampler: new ParentBasedSampler({
      root: sampled,
      remoteParentSampled: sampled,
      remoteParentNotSampled: new AlwaysOffSampler(),
    }),
    spanLimits: { attributeValueLengthLimit: 200 },
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }) })],
  })
  const tracer = provider.getTracer('fleetshare')
  const current = new AsyncLocalStorage<Span>()

  return {
    operation({ transport, requestId, traceparent }, operation, run) {
      const type = operation?.operation ?? 'unknown'
      const attributes = {
        'graphql.operation.type': type,
        ...(operation?.name ? { 'graphql.operation.name': operation.name.value } : {}),
        'fleetshare.transport': transport,
        'fleetshare.request_id': requestId,
      }
      const span = tracer.startSpan(type, { kind: SpanKind.SERVER, attributes }, parentOf(traceparent))
      return inside(span, () => current.run(span, run), failedOperation)
    },
    statement(name, run) {
      const parent = current.getStore()
      // Statements of an open subscription come after its operation's span, and belong to none.
      if (!parent?.isRecording()) return run()
      const attributes = { 'db.system.name': 'postgresql' }
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, trace.setSpan(ROOT_CONTEXT, parent))
      return inside(span, run, () => false)
    },
    stop: async () => {
      await Promise.race([provider.shutdown().catch(warn), sleep(FLUSH_MS, undefined, { ref: false })])
    },
  }
}

function parentOf(traceparent: string | undefined): TraceContext {
  const parent = traceparent === undefined ? null : parseTraceParent(traceparent)
  return parent ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true }) : ROOT_CONTEXT
}

/** Ends the span with the outcome of `run`, at once or later. */
function inside<T>(span: Span, run: () => T, failed: (result: unknown) => boolean): T {
  const end = (isFailure: boolean) => {
    if (isFailure) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end()
  }
  try {
    const result = run()
    if (result instanceof Promise) {
      result.then(
        (settled) => end(failed(settled)),
        () => end(true),
      )
    } else end(failed(result))
    return result
  } catch (error) {
    end(true)
    throw error
  }
}

const failedOperation = (result: unknown): boolean =>
  typeof result === 'object' && result !== null && 'errors' in result && result.errors !== undefined

/** Traces the queries and mutations that go through Yoga: over HTTP those that the fast path left, over WebSocket all. */
export const tracingPlugin = (tracing: Tracing): Plugin<Context> => ({
  onExecute({ executeFn, setExecuteFn }) {
    setExecuteFn((args: ExecutionArgs) => {
      const { contextValue, document, operationName } = args
      const operation = getOperationAST(document, operationName)
      return tracing.operation(contextValue as Context, operation, () => executeFn(args) as unknown)
    })
  },
})
