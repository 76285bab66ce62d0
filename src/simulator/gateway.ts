import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

/** A command as the server hands it over. */
export type Dispatch = { commandId: string; vehicleId: string; type: string; deadline: string }

export type Report = { vehicleId: string; messageId: string; occurredAt: string } & Record<string, unknown>

export type Reported = { recorded: number; skipped: number; rejected: { index: number; code: string }[] }

/** What a telematics gateway does with the public API, and nothing else. */
export type Gateway = {
  /** @throws when the server cannot be reached or refuses the batch */
  readonly report: (reports: readonly Report[]) => Promise<Reported>
  readonly outcome: (commandId: string, outcome: 'SUCCEEDED' | 'FAILED', message?: string) => Promise<void>
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
 * @param url of the server, http://host:port
 * @param onDispatch gets each command once; the socket comes back by itself when it is cut
 */
export function connect(
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
  const follow = () => {
    if (closed) return
    client.subscribe<{ commandDispatches: Dispatch }>(
      { query: DISPATCHES, variables: { vehicleIds } },
      {
        next: ({ data }) => data && onDispatch(data.commandDispatches),
        error: () => setTimeout(follow, 1_000),
        complete: () => setTimeout(follow, 1_000),
      },
    )
  }
  follow()

  async function post<T>(query: string, input: object): Promise<T> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables: { input } }),
    })
    const { data, errors } = (await response.json()) as { data?: Record<string, T>; errors?: { message: string }[] }
    const [result] = Object.values(data ?? {})
    if (errors || result === undefined) throw new Error(errors?.[0]?.message ?? `HTTP ${response.status}`)
    return result
  }

  return {
    async report(reports) {
      const result = await post<Reported & { code?: string; message?: string }>(REPORT, { reports })
      if (result.code) throw new Error(`${result.code}: ${result.message}`)
      return result
    },
    async outcome(commandId, outcome, message) {
      await post(OUTCOME, { commandId, outcome, message })
    },
    async close() {
      closed = true
      await client.dispose()
    },
  }
}
