import { cacheExchange, Client, fetchExchange } from '@urql/core'
import { graphql } from './generated/index.ts'
import { granted } from './refusal.ts'
import type { Token } from './token.ts'
import { hashExchange } from './trusted.ts'

/**
 * Everything over HTTP: subscriptions come as server-sent events, for which urql needs nothing more. `byHash` as for Apollo.
 */
export const createUrql = (url: string, token: Token, { byHash = false } = {}): Client =>
  new Client({
    url: `${url}/graphql`,
    preferGetMethod: false,
    exchanges: [...(byHash ? [hashExchange] : []), cacheExchange, fetchExchange],
    fetchSubscriptions: true,
    // Its fetchOptions could not wait for a token.
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('Authorization', `Bearer ${await token()}`)
      return fetch(input, { ...init, headers })
    },
  })

const Send = graphql(`
  mutation Send($input: SendCommandInput!) {
    sendCommand(input: $input) {
      ... on SendCommandSuccess {
        command {
          id
          type
          status
          deadline
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`)

const Permissions = graphql(`
  query Permissions($id: ID!) {
    vehicle(id: $id) {
      viewerCan {
        sendCommand {
          allowed
          code
          until
        }
      }
    }
  }
`)

const Steps = graphql(`
  subscription Steps($vehicleId: ID!, $after: String) {
    vehicleEvents(after: $after, filter: { vehicleIds: [$vehicleId] }) {
      __typename
      cursor
      ... on CommandEvent {
        command {
          id
        }
        status
      }
    }
  }
`)

/** @throws RefusedError */
export async function unlock(client: Client, vehicleId: string) {
  const input = { vehicleId, type: 'UNLOCK_CENTRAL_LOCK', timeoutSeconds: 300 } as const
  const { data, error } = await client.mutation(Send, { input }).toPromise()
  if (!data?.sendCommand) throw error ?? new Error('there is no answer')
  return granted(data.sendCommand).command
}

/** @returns null where commands may be sent, else why not */
export async function whyNot(client: Client, vehicleId: string) {
  const { data, error } = await client.query(Permissions, { id: vehicleId }, { requestPolicy: 'network-only' })
  if (error) throw error
  return data?.vehicle?.viewerCan.sendCommand.code ?? null
}

/** Tells each step that a vehicle's commands take. */
export const steps = (
  client: Client,
  vehicleId: string,
  after: string | null,
  tell: (id: string, to: string) => void,
) =>
  client.subscription(Steps, { vehicleId, after }).subscribe(({ data }) => {
    if (data?.vehicleEvents.__typename === 'CommandEvent')
      tell(data.vehicleEvents.command.id, data.vehicleEvents.status)
  })
