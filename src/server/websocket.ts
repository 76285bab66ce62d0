import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import { getOperationAST, GraphQLError, OperationTypeNode } from 'graphql'
import type { ExecutionArgs, ExecutionResult, FormattedExecutionResult, GraphQLFormattedError } from 'graphql'
import { handleProtocols, makeServer } from 'graphql-ws'
import type { SubscribePayload } from 'graphql-ws'
import type { Logger } from 'pino'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import type { Viewer } from '../domain/viewer.ts'
import { presentable } from '../graphql/errors.ts'
import { AuthenticationError } from './auth.ts'
import type { Authenticate } from './auth.ts'
import type { Engine } from './engine.ts'
import { GRAPHQL_PATH, pathOf } from './http.ts'

export type WebSocketOptions = {
  readonly engine: Engine
  readonly authenticate: Authenticate
  readonly allowedOrigins: readonly string[]
  readonly draining: () => boolean
  readonly log: Logger
}

/** Clients of graphql-ws take 4401 as final, and 4403 as a reason to come back with a fresh token. */
const CLOSE = { badRequest: 4400, untrusted: 4401, expired: 4403, goingAway: 1001, tryAgainLater: 1013 } as const

const INIT_TIMEOUT_MS = 10_000
const PING_EVERY_MS = 15_000
/** How long a client may take to answer that its socket is closed. */
const CLOSE_TIMEOUT_MS = 3_000
const MESSAGE_LIMIT = 1024 * 1024
const REASON_BYTES = 123
const LONGEST_TIMER_MS = 2 ** 31 - 1

type Extra = { readonly socket: WebSocket; viewer?: Viewer }

/** graphql-transport-ws on the path of HTTP. @returns how to close every socket, so that clients resume elsewhere */
export function acceptWebSockets(server: Server, options: WebSocketOptions): { close: () => void } {
  const { draining, allowedOrigins, log } = options
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols,
    maxPayload: MESSAGE_LIMIT,
    perMessageDeflate: false,
  })
  const protocol = createProtocol(options)

  sockets.on('connection', (socket: WebSocket) => {
    const extra: Extra = { socket }
    let alive = true
    const pings = setInterval(() => {
      if (!alive) socket.terminate()
      alive = false
      socket.ping()
    }, PING_EVERY_MS)
    // The stream of a subscription may see before the timer does that the token has ended: its `complete` would tell the
    // client not to come back.
    const isOpen = () => {
      if ((extra.viewer?.expiresAt ?? Infinity) <= Date.now()) expire(socket)
      return socket.readyState === socket.OPEN
    }
    socket.on('pong', () => (alive = true))
    socket.on('error', (err) => log.debug({ err }, 'a socket failed'))
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (data) =>
          new Promise((resolve, reject) => {
            if (!isOpen()) return resolve()
            socket.send(data, (error) => (error ? reject(error) : resolve()))
          }),
        close: (code, reason) => socket.close(code, reasonOf(reason)),
        onMessage: (handle) =>
          socket.on('message', (data: Buffer) => {
            // A client may go on sending when it was told that this is over.
            if (!isOpen()) return
            handle(data.toString()).catch((err: unknown) => {
              // A message that only servers send.
              if (String(err).includes('Unexpected message'))
                return socket.close(CLOSE.badRequest, 'Invalid message received')
              log.error({ err }, 'a message failed')
              socket.close(1011, 'Internal server error')
            })
          }),
      },
      extra,
    )
    socket.on('close', (code, reason) => {
      clearInterval(pings)
      void closed(code, reason.toString())
    })
  })

  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy())
    const status = draining() ? '503 Service Unavailable' : refusal(request, allowedOrigins)
    if (status !== null) {
      stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => stream.destroy())
      return
    }
    sockets.handleUpgrade(request, stream, head, (socket) => sockets.emit('connection', socket, request))
  })

  return {
    close: () => {
      for (const socket of sockets.clients) {
        socket.close(CLOSE.goingAway, 'Going away')
        setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref()
      }
    },
  }
}

/** A page of another origin may connect only where it may also call. Other programs send no origin. */
function refusal(request: IncomingMessage, allowedOrigins: readonly string[]): string | null {
  if (pathOf(request) !== GRAPHQL_PATH) return '404 Not Found'
  const { origin, host } = request.headers
  const foreign = origin !== undefined && !allowedOrigins.includes(origin)
  return foreign && (!URL.canParse(origin) || new URL(origin).host !== host) ? '403 Forbidden' : null
}

function createProtocol({ engine, authenticate, log }: WebSocketOptions) {
  return makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    async onConnect({ connectionParams, extra }) {
      try {
        extra.viewer = await authenticate(authorizationIn(connectionParams))
        closeAt(extra.viewer.expiresAt, extra.socket)
        return true
      } catch (error) {
        if (!(error instanceof AuthenticationError)) throw error
        const code = { UNTRUSTED: CLOSE.untrusted, EXPIRED: CLOSE.expired, UNAVAILABLE: CLOSE.tryAgainLater }[
          error.reason
        ]
        extra.socket.close(code, reasonOf(error.message))
        return false
      }
    },
    async onSubscribe({ extra }, _id, payload) {
      const requestId = randomUUID()
      const report = (err: unknown) => log.error({ err, requestId }, 'an operation failed')
      try {
        return await prepare(engine, extra, payload, requestId)
      } catch (error) {
        // A throw would close the socket, and with it all that runs on it, for the fault of one operation.
        return [presentable(error, requestId, report)]
      }
    },
    onError: (_context, _id, _payload, errors) => errors.map(plain),
    onNext: (_context, _id, _payload, _args, { errors, ...result }) =>
      errors && ({ ...result, errors: errors.map(plain) } as FormattedExecutionResult),
    execute: (args) => operationOf(args).execute(args) as ExecutionResult,
    subscribe: (args) => operationOf(args).subscribe(args) as ExecutionResult,
  })
}

/** Without what only HTTP makes use of: the status that an answer would have. */
function plain(error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError {
  const { extensions, ...rest } = error instanceof GraphQLError ? error.toJSON() : error
  const { http: _http, ...others } = extensions ?? {}
  return { ...rest, extensions: others }
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
  { viewer }: Extra,
  payload: SubscribePayload,
  requestId: string,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  if (viewer === undefined) throw new Error('an operation came before its socket was let in')
  const { schema, parse, validate, contextFactory, execute, subscribe } = engine.getEnveloped({ viewer, requestId })
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
  return { ...args, rootValue: { execute, subscribe: () => opened } satisfies Operation }
}

/** The protocol's limit; a longer one would throw. */
const reasonOf = (reason = ''): string => (Buffer.byteLength(reason) <= REASON_BYTES ? reason : '')

function authorizationIn(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const [, value] = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return typeof value === 'string' ? value : undefined
}

const expire = (socket: WebSocket) => socket.close(CLOSE.expired, 'The access token has expired.')

/** Ends the socket with its token, to the millisecond that timers allow. */
function closeAt(expiresAt: number, socket: WebSocket): void {
  let timer: NodeJS.Timeout | undefined
  const check = () => {
    const left = expiresAt - Date.now()
    if (left <= 0) expire(socket)
    else timer = setTimeout(check, Math.min(left, LONGEST_TIMER_MS)).unref()
  }
  check()
  socket.on('close', () => clearTimeout(timer))
}
