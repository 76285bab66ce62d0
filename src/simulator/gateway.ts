import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

/** A command as the server dispatches it to the gateway. */
export type Dispatch = { commandId: string; vehicleId: string; type: string; deadline: string }

/** One vehicle's readings at one instant, in the form of the mutation reportVehicleStates. */
export type Report = { vehicleId: string; messageId: string; occurredAt: string } & Record<string, unknown>

/** The server's answer to a batch. `index` is the position of a rejected report in the batch. */
export type ReportResult = { recorded: number; skipped: number; rejected: { index: number; code: string }[] }

/** The part of the public API that a telematics gateway uses. */
export type Gateway = {
  /** @throws when the server cannot be reached or refuses the batch as a whole */
  readonly report: (reports: readonly Report[]) => Promise<ReportResult>
  readonly reportOutcome: (commandId: string, outcome: 'SUCCEEDED' | 'FAILED', message?: string) => Promise<void>
  readonly close: () => Promise<void>
}

const REPORT = `mutation Report($input: ReportVehicleStatesInput!) {
  reportVehicleStates(input: $input) {
    ... on ReportVehicleStatesSuccess { recorded skipped rejected { index code } }
    ... on UserError { code message }
  } }`
const OUTCOME = `mutation Outcome($input: ReportCommandOutcomeInput!) {
  reportCommandOutcome(input: $input) { ... on UserError { code message } } }`
const DISPATCHES = `subscription Dispatches($vehicleIds: [ID!]) {
  commandDispatches(vehicleIds: $vehicleIds) { commandId vehicleId type deadline } }`

/**
 * A gateway that is connected to a server, and reconnects by itself.
 * @param url the server's origin, http://host:port
 * @param token an access token with the role GATEWAY
 * @param onDispatch receives each command once, also across reconnections
 */
export function connectGateway(
  url: string,
  token: string,
  vehicleIds: readonly string[],
  onDispatch: (dispatch: Dispatch) => void,
): Gateway {
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
    retryAttempts: Infinity,
    shouldRetry: () => true,
  })
  let closed = false
  const subscribe = () => {
    if (closed) return
    client.subscribe<{ commandDispatches: Dispatch }>(
      { query: DISPATCHES, variables: { vehicleIds } },
      {
        next: ({ data }) => data && onDispatch(data.commandDispatches),
        error: () => setTimeout(subscribe, 1_000),
        complete: () => setTimeout(subscribe, 1_000),
      },
    )
  }
  subscribe()

  async function post<T>(query: string, input: object): Promise<T> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables: { input } }),
    })
    const { data, errors } = (await response.json()) as {
      data?: Record<string, T | null> | null
      errors?: { message: string }[]
    }
    const [result] = Object.values(data ?? {})
    if (errors || result == null) throw new Error(errors?.[0]?.message ?? `HTTP ${response.status}`)
    return result
  }

  return {
    async report(reports) {
      const result = await post<ReportResult & { code?: string; message?: string }>(REPORT, { reports })
      if (result.code) throw new Error(`${result.code}: ${result.message}`)
      return result
    },
    async reportOutcome(commandId, outcome, message) {
      await post(OUTCOME, { commandId, outcome, message })
    },
    async close() {
      closed = true
      await client.dispose()
    },
  }
}
