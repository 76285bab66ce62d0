import { randomUUID } from 'node:crypto'
import { getOperationAST, GraphQLError, OperationTypeNode } from 'graphql'
import type { ExecutionArgs, ExecutionResult, FormattedExecutionResult } from 'graphql'
import { makeServer } from 'graphql-ws'
import type { SubscribePayload } from 'graphql-ws'
import type { Logger } from 'pino'
import { badUserInput, presentable } from '../graphql/errors.ts'
import { AuthenticationError } from './auth.ts'
import type { Authenticate } from './auth.ts'
import { countErrors } from './counts.ts'
import type { Counts } from './counts.ts'
import type { Engine } from './engine.ts'
import type { OpenFeed } from './fan-out.ts'
import { reserve, untilLeft } from './leaving.ts'
import { pushAnswers } from './push.ts'
import { expire } from './session.ts'
import type { Session } from './session.ts'
import { plain } from './show.ts'
import type { Show } from './show.ts'
import type { TakeSlot } from './slots.ts'
import { CLOSE } from './socket.ts'
import type { TrustedDocuments } from './trusted.ts'
import { atInstant } from '../timer.ts'

export type ProtocolOptions = {
  readonly engine: Engine
  /** null: any document is admitted. */
  readonly trusted: TrustedDocuments | null
  readonly authenticate: Authenticate
  /** A place among the connections that stay open with one token. */
  readonly takeSlot: TakeSlot
  readonly show: Show
  readonly counts: Counts
  readonly log: Logger
}

const INIT_TIMEOUT_MS = 10_000
const MOST_OPERATIONS = 100

/** graphql-transport-ws: who is let in, and how an operation is run by the engine that runs those of HTTP. */
export function createProtocol({ engine, trusted, authenticate, takeSlot, show, counts, log }: ProtocolOptions) {
  return makeServer<Record<string, unknown>, Session>({
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    async onConnect({ connectionParams, extra }) {
      const { connection } = extra
      try {
        const viewer = await authenticate(authorizationIn(connectionParams))
        const release = takeSlot(viewer.tokenId)
        if (release === null) {
          connection.close(CLOSE.tryAgainLater, 'Too many connections are open with this access token.')
          return false
        }
        const cancel = atInstant(viewer.expiresAt, () => expire(connection))
        connection.onEnd(() => {
          release()
          cancel()
        })
        extra.viewer = viewer
        return true
      } catch (error) {
        if (!(error instanceof AuthenticationError)) {
          const [requestId, report] = [randomUUID(), (err: unknown) => log.error({ err }, 'a socket was not let in')]
          const { message, extensions } = presentable(error, requestId, report)
          const isAway = extensions['code'] === 'SERVICE_UNAVAILABLE'
          connection.close(isAway ? CLOSE.tryAgainLater : CLOSE.failed, isAway ? message : 'Internal server error')
          return false
        }
        const code = { UNTRUSTED: CLOSE.untrusted, EXPIRED: CLOSE.expired, UNAVAILABLE: CLOSE.tryAgainLater }[
          error.reason
        ]
        connection.close(code, error.message)
        return false
      }
    },
    async onSubscribe({ extra, subscriptions }, id, payload) {
      const requestId = randomUUID()
      const { place, isLeft } = reserve()
      subscriptions[id] = place
      const report = (err: unknown) => log.error({ err, requestId }, 'an operation failed')
      try {
        if (Object.keys(subscriptions).length > MOST_OPERATIONS) {
          throw badUserInput(`On one socket at most ${MOST_OPERATIONS} operations run at a time.`)
        }
        const query = trusted ? String(trusted.textOf(payload)) : payload.query
        const feed = (open: OpenFeed) => pushAnswers(open, { id, session: extra, requestId, show, counts })
        const prepared = await prepare(engine, extra, { ...payload, query }, requestId, feed)
        // Never begun: by its name graphql-ws would take it for the one that has that name by now.
        return isLeft() ? await new Promise<never>(() => {}) : prepared
      } catch (error) {
        // A throw would close the socket, and with it all that runs on it, for the fault of one operation.
        return [presentable(error, requestId, report)]
      }
    },
    onError: (_context, _id, _payload, errors) => {
      countErrors(counts, { errors })
      return errors.map(plain)
    },
    onNext: (_context, _id, _payload, _args, { errors, ...result }) => {
      if (!errors) return undefined
      countErrors(counts, { errors })
      return { ...result, errors: errors.map(plain) } as FormattedExecutionResult
    },
    execute: (args) => operationOf(args).execute(args) as ExecutionResult,
    subscribe: (args) => untilLeft(operationOf(args).subscribe(args) as AsyncIterable<ExecutionResult>),
  })
}

type Operation = {
  readonly execute: (args: ExecutionArgs) => unknown
  readonly subscribe: (args: ExecutionArgs) => unknown
}

/** Each operation has its own, with every plugin's hooks in it. */
const operationOf = ({ rootValue }: ExecutionArgs): Operation => rootValue as Operation

/** Parses, checks and, for a subscription, opens the stream: what is refused is answered by an `error` message. */
async function prepare(
  engine: Engine,
  { viewer, connection }: Session,
  payload: SubscribePayload,
  requestId: string,
  feed: (open: OpenFeed) => AsyncGenerator<ExecutionResult, void>,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  if (viewer === undefined) throw new Error('an operation came before its socket was let in')
  let openFeed: OpenFeed | undefined
  const { schema, parse, validate, contextFactory, execute, subscribe } = engine.getEnveloped({
    viewer,
    requestId,
    transport: 'websocket',
    traceparent: traceparentIn(payload),
    gone: () => !connection.isOpen(),
    onFeed: (open: OpenFeed) => (openFeed = open),
  })
  const document = parse(payload.query)
  const present = (error: GraphQLError) => presentable(error, requestId, () => {})
  const invalid = validate(schema, document) as readonly GraphQLError[]
  if (invalid.length > 0) return invalid.map(present)
  const operationName = payload.operationName ?? null
  const operation = getOperationAST(document, operationName)
  if (!operation)
    return [present(new GraphQLError('The document has no operation of that name, or several and no name.'))]
  const args = {
    schema,
    document,
    operationName,
    variableValues: payload.variables ?? null,
    contextValue: await contextFactory(),
    rootValue: { execute, subscribe } satisfies Operation as Operation,
  }
  if (operation.operation !== OperationTypeNode.SUBSCRIPTION) return args
  const opened = (await subscribe(args)) as ExecutionResult | AsyncIterable<ExecutionResult>
  if (!(Symbol.asyncIterator in opened)) return opened.errors ?? []
  return openFeed
    ? { schema, document, operationName, contextValue: null, rootValue: once(feed, openFeed) }
    : { ...args, rootValue: { execute, subscribe: () => opened } satisfies Operation }
}

/** As long as it is open it holds nothing of what opened it, which is ten times as much. */
function once(feed: (open: OpenFeed) => object, openFeed: OpenFeed): Operation {
  let open: OpenFeed | null = openFeed
  const subscribe = () => {
    const opened = open && feed(open)
    open = null
    return opened
  }
  return { execute: subscribe, subscribe }
}

/** A socket has no headers of its own for each operation. */
function traceparentIn({ extensions }: SubscribePayload): string | undefined {
  const value = extensions?.['traceparent']
  return typeof value === 'string' ? value : undefined
}

function authorizationIn(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const [, value] = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return typeof value === 'string' ? value : undefined
}
