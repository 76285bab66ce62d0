import { setTimeout as sleep } from 'node:timers/promises'
import { between } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import { mutations } from '../support/api.ts'
import type { Variables } from '../support/api.ts'
import { OUTCOME, REPORT, SEND } from '../support/gateway.ts'
import { persist } from '../support/traffic.ts'
import type { Arena } from './arena.ts'
import type { Answer, Call, CallName, Side } from './history.ts'

const DOCUMENTS: Readonly<Record<CallName, string>> = {
  startSharing: mutations.startSharing,
  updateSharingEnd: mutations.updateSharingEnd,
  endSharing: mutations.endSharing,
  createVehicle: mutations.createVehicle,
  updateVehicle: mutations.updateVehicle,
  sendCommand: SEND,
  setVehicleUse: mutations.setVehicleUse,
  reportVehicleStates: REPORT,
  reportCommandOutcome: OUTCOME,
}

/** Longer than any disruption: who waits as long gives up. Milliseconds. */
const CALL_LIMIT_MS = 20_000

export type Order = Pick<Call, 'name' | 'fleetId' | 'input' | 'side'> & {
  readonly token: string
  /** Given where a call may be repeated. */
  readonly operation?: number
}

/** Makes calls, and keeps a record of each. */
export type Caller = {
  readonly calls: Call[]
  readonly call: (order: Order) => Promise<Call>
  readonly newOperation: () => number
}

/** @param name begins each request id; no other caller of the arena has it */
export function newCaller(arena: Arena, name: string): Caller {
  const calls: Call[] = []
  let requests = 0
  let operations = 0
  const newOperation = () => ++operations
  return {
    calls,
    newOperation,
    call: async ({ token, operation = newOperation(), ...order }) => {
      const requestId = `${name}-${++requests}`
      const invokedAt = Date.now()
      const answer = await ask(arena.urlOf(order.side), token, order.name, order.input, requestId)
      const call = { ...order, requestId, operation, invokedAt, returnedAt: Date.now(), answer }
      calls.push(call)
      return call
    },
  }
}

type Body = {
  readonly data?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[]
}

async function ask(url: string, token: string, name: CallName, input: Variables, requestId: string): Promise<Answer> {
  let body: Body
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        Authorization: `Bearer ${token}`,
        'X-Request-Id': requestId,
      },
      body: JSON.stringify({ query: DOCUMENTS[name], variables: { input } }),
    })
    body = (await response.json()) as Body
    if (response.headers.get('X-Request-Id') !== requestId) {
      return { kind: 'error', code: 'OTHER_REQUEST_ID', message: 'The answer is not to this request.' }
    }
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) }
  }
  const [error] = body.errors ?? []
  if (error) return { kind: 'error', code: error.extensions?.code ?? '', message: error.message }
  const result = body.data?.[name] ?? {}
  const { code } = result
  return typeof code === 'string' ? { kind: 'refusal', code } : { kind: 'success', result }
}

/** Whether nobody knows what became of it: no answer, or one that says that something broke, here or in the database. */
export const isUnknown = ({ answer }: Pick<Call, 'answer'>): boolean =>
  answer.kind === 'unknown' ||
  (answer.kind === 'error' &&
    (answer.code === 'INTERNAL_SERVER_ERROR' ||
      (answer.code === 'SERVICE_UNAVAILABLE' && !answer.message.includes('Nothing was done'))))

/** Whether the very same is worth another try. */
const isUnsettled = (call: Pick<Call, 'answer'>): boolean =>
  isUnknown(call) || (call.answer.kind === 'error' && call.answer.code === 'SERVICE_UNAVAILABLE')

export const other = (side: Side): Side => (side === 0 ? 1 : 0)

const AGAIN_LIMIT_MS = 30_000

/** Repeats an operation, here or there, until it is answered. @throws when nobody answers for long */
export async function settle(caller: Caller, random: Random, once: Order): Promise<Call> {
  const end = Date.now() + AGAIN_LIMIT_MS
  const order = { ...once, operation: once.operation ?? caller.newOperation() }
  for (let { side } = order; ; side = random() < 0.5 ? side : other(side)) {
    const call = await caller.call({ ...order, side })
    if (!isUnsettled(call)) return call
    if (Date.now() > end) throw new Error(`nobody answered ${call.requestId}: ${JSON.stringify(call.answer)}`)
    await sleep(between(random, 10, 60))
  }
}

const MOST_ATTEMPTS = 20

/**
 * Repeats what changes nothing, or nothing more when it is repeated: a connection that was kept alive may turn out to be one
 * that was cut.
 */
export function patiently<T>(request: (attempt: number) => Promise<T>): Promise<T> {
  let attempts = 0
  return persist(
    () => request(++attempts),
    async (error) => {
      if (attempts === MOST_ATTEMPTS) throw error
      await sleep(5 * attempts)
    },
  )
}
