import { ask, post, run } from './api.ts'
import type { Answer } from './api.ts'
import { sendCommand } from './gateway.ts'
import type { TestServer } from './server.ts'
import { makeWorld } from './world.ts'
import type { World } from './world.ts'

/** A world whose vehicles are commanded and lent. */
export type ControlWorld = World & {
  readonly gateway: string
  /** A second partner of the owner's. */
  readonly rival: { readonly id: string; readonly token: string }
  /** Lends a vehicle to the partner, at once and without an end unless told otherwise. @returns the sharing */
  readonly lend: (vehicleId: string, input?: Readonly<Record<string, unknown>>) => Promise<Answer['data']>
  /** Sends a command that has to be accepted; the owner's UNLOCK_CENTRAL_LOCK unless told otherwise. @returns it */
  readonly send: (vehicleId: string, input?: SendInput) => Promise<Answer['data']>
  /** The log of a vehicle as the bearer of a token sees it; the owner, unless told otherwise. */
  readonly log: (vehicleId: string, token?: string) => Promise<Entry[]>
}

type SendInput = { readonly token?: string; readonly type?: string; readonly timeoutSeconds?: number }

/** An event of the log. `what` is the type, for commands with the status that it says; `of` the command or sharing. */
export type Entry = {
  readonly what: string
  readonly of: string | null
  readonly occurredAt: string
  readonly recordedAt: string
  readonly requestId: string | null
  readonly endReason: string | null
}

export async function makeControlWorld(server: TestServer): Promise<ControlWorld> {
  const { url } = server
  const world = await makeWorld(server)
  const id = (await run(url, world.as.admin, 'createFleet', { name: 'Rival' })).fleet.id as string
  await run(url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, id] })
  return {
    ...world,
    gateway: await server.token(null, 'gateway'),
    rival: { id, token: await server.token(id, 'manager') },
    lend: async (vehicleId, input = {}) => {
      const answer = await run(url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner, ...input })
      if (!answer.sharing) throw new Error(`refused: ${answer.code}`)
      return answer.sharing
    },
    send: async (vehicleId, { token = world.as.owner, ...input } = {}) => {
      const answer = await sendCommand(url, token, { vehicleId, type: 'UNLOCK_CENTRAL_LOCK', ...input })
      if (!answer.command) throw new Error(`refused: ${answer.code}`)
      return answer.command
    },
    log: (vehicleId, token = world.as.owner) => logOf(url, token, vehicleId),
  }
}

const LOG = `query ($id: ID!) { vehicleEvents(last: 500, filter: { vehicleIds: [$id] }) { nodes {
  type occurredAt recordedAt requestId
  ... on CommandEvent { status command { id } } ... on SharingEvent { endReason sharing { id } } } } }`

type Node = Omit<Entry, 'what' | 'of'> & {
  readonly type: string
  readonly status?: string
  readonly command?: { readonly id: string }
  readonly sharing?: { readonly id: string }
}

async function logOf(url: string, token: string, vehicleId: string): Promise<Entry[]> {
  const nodes = (await ask(url, token, LOG, { id: vehicleId })).vehicleEvents.nodes as Node[]
  return nodes.map(({ type, status, command, sharing, occurredAt, recordedAt, requestId, endReason }) => ({
    what: status ?? type,
    of: command?.id ?? sharing?.id ?? null,
    occurredAt,
    recordedAt,
    requestId,
    endReason: endReason ?? null,
  }))
}

/** What happened to one command or sharing, in the order of the log. */
export const storyOf = (log: readonly Entry[], id: string): string[] =>
  log.filter((entry) => entry.of === id).map(({ what }) => what)

const MAY_SEND = 'query ($id: ID!) { vehicle(id: $id) { viewerCan { sendCommand { allowed code until } } } }'

/** viewerCan.sendCommand; null where the vehicle cannot be seen. */
export const maySend = async (url: string, token: string, id: string): Promise<Answer['data']> =>
  (await post(url, token, MAY_SEND, { id })).data.vehicle?.viewerCan.sendCommand ?? null
