import { vi } from 'vitest'
import { ask } from './api.ts'
import type { Answer, Variables } from './api.ts'
import { makeControlWorld } from './control.ts'
import { READINGS, report, reportAt, sendCommand } from './gateway.ts'
import type { TestServer } from './server.ts'
import { HOUR } from './world.ts'

/** Readings of a car that moves, and of one that stands, is off and locked. */
export const DRIVES = { speedKmh: 30, ignition: true, centralLock: 'UNLOCKED' }
export const STANDS = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }

/** Long enough to agree on something, short enough to wait for. Milliseconds. */
export const SOON = 2_000

export const SHARING = `id phase startsAt startPolicy startedAt startAwaitedSince endsAt endPolicy latestEndsAt endedAt
  endReason endRequestedAt vehicle { id } handover { ${READINGS} } returned { ${READINGS} }`

export const VEHICLE = `id lastContactAt idleness { idle blockedBy } use { since reference } sharing { id }
  supportedCommands`

const FAILURE = '__typename ... on UserError { code message }'
const PATH = '... on InputError { path }'
const CONFLICT = '... on SharingConflictError { conflict { id } }'
const BOTH = `vehicle { ${VEHICLE} } sharing { ${SHARING} }`

/** Of each mutation: what it selects of its success, and which failures it has besides RequestError. */
const MUTATIONS = {
  startSharing: [BOTH, PATH, CONFLICT],
  updateSharingEnd: [BOTH, PATH, CONFLICT],
  endSharing: [BOTH],
  setVehicleUse: [`vehicle { ${VEHICLE} }`, PATH, CONFLICT],
  updateVehicle: [`vehicle { ${VEHICLE} }`, PATH],
  deleteVehicle: ['id', CONFLICT],
} as const

export type Party = 'owner' | 'partner' | 'rival' | 'stranger'

/** An event of a log; `of` is the sharing that it is about. What a type of event does not have is absent. */
export type LogEntry = {
  readonly type: string
  readonly occurredAt: string
  readonly recordedAt: string
  readonly requestId: string | null
  readonly vehicleId: string
  readonly of?: string
  readonly endsAt?: string | null
  readonly latestEndsAt?: string | null
  readonly endReason?: string | null
  readonly inUse?: boolean
  readonly status?: string
}

const LOG = `query ($ids: [ID!]) { vehicleEvents(last: 500, filter: { vehicleIds: $ids }) { nodes {
  type occurredAt recordedAt requestId vehicleId
  ... on SharingEvent { endsAt latestEndsAt endReason sharing { id } }
  ... on CommandEvent { status } ... on VehicleUseEvent { inUse } } } }`

type Node = Omit<LogEntry, 'of'> & { readonly sharing?: { readonly id: string } }

const toEntry = ({ sharing, ...rest }: Node): LogEntry => ({ ...rest, ...(sharing ? { of: sharing.id } : {}) })

/** The types of events of a log; of commands the status that they say. */
export const story = (log: readonly LogEntry[]): string[] => log.map(({ type, status }) => status ?? type)

/** A world whose vehicles are lent with policies, over the API of one server. Any other instance is named by its url. */
export async function makeReturns(server: TestServer) {
  const world = await makeControlWorld(server)
  const tokens: Readonly<Record<Party, string>> = { ...world.as, rival: world.rival.token }
  let messages = 0
  // The tests mostly wait for an instant: they may do that together.
  vi.setConfig({ maxConcurrency: 16 })

  async function act(
    who: Party | { readonly token: string },
    name: keyof typeof MUTATIONS,
    input: Variables,
  ): Promise<Answer['data']> {
    const [success, ...failures] = MUTATIONS[name]
    const type = name.charAt(0).toUpperCase() + name.slice(1)
    const query = `mutation ($input: ${type}Input!) { ${name}(input: $input) {
      ${FAILURE} ${failures.join(' ')} ... on ${type}Success { ${success} } } }`
    const token = typeof who === 'string' ? tokens[who] : who.token
    return (await ask(server.url, token, query, { input }))[name]
  }

  /** The reports of one batch, each new and taken: [vehicle, readings, instant or now]. */
  async function batch(...reports: readonly (readonly [string, object, number?])[]): Promise<void> {
    const sent = reports.map(([vehicleId, readings, instant = Date.now()]) =>
      reportAt(vehicleId, `r${++messages}`, instant, { ...readings }),
    )
    const answer = await report(server.url, world.gateway, sent)
    if (answer.recorded !== reports.length) throw new Error(`not taken: ${JSON.stringify(answer)}`)
  }
  const tell = (vehicleId: string, readings: object, instant = Date.now()) => batch([vehicleId, readings, instant])

  /** A new vehicle of the owner's, with readings as of now unless they are null. */
  async function vehicle(readings: object | null = STANDS, fields: Variables = {}): Promise<string> {
    const id = await world.newVehicle(fields)
    if (readings) await tell(id, readings)
    return id
  }

  /** Starts a sharing that must not be refused; with the partner, unless told otherwise. @returns it */
  async function lend(vehicleId: string, input: Variables = {}): Promise<Answer['data']> {
    const answer = await act('owner', 'startSharing', { vehicleId, fleetId: world.partner, ...input })
    if (!answer.sharing) throw new Error(`refused: ${JSON.stringify(answer)}`)
    return answer.sharing
  }

  const use = async (who: Party, vehicleId: string, inUse: boolean, more: Variables = {}): Promise<Answer['data']> => {
    const answer = await act(who, 'setVehicleUse', { vehicleId, inUse, ...more })
    if (answer.code) throw new Error(`refused: ${JSON.stringify(answer)}`)
    return answer.vehicle
  }

  const read = async (who: Party, query: string, variables: Variables): Promise<Answer['data']> =>
    ask(server.url, tokens[who], query, variables)

  return {
    ...world,
    server,
    tokens,
    act,
    batch,
    tell,
    vehicle,
    lend,
    use,
    read,
    /** A vehicle as a party sees it; null where it does not. */
    seen: async (
      vehicleId: string,
      who: Party = 'owner',
      selection = VEHICLE,
      url = server.url,
    ): Promise<Answer['data']> =>
      (await ask(url, tokens[who], `query ($id: ID!) { vehicle(id: $id) { ${selection} } }`, { id: vehicleId }))
        .vehicle,
    sharing: async (id: string, who: Party = 'owner'): Promise<Answer['data']> =>
      (await read(who, `query ($id: ID!) { sharing(id: $id) { ${SHARING} } }`, { id })).sharing,
    /** The events of some vehicles as a party sees them, without the creation of the vehicle. */
    log: async (vehicleIds: string | readonly string[], who: Party = 'owner'): Promise<LogEntry[]> => {
      const nodes = (await read(who, LOG, { ids: vehicleIds })).vehicleEvents.nodes as Node[]
      const created = new Set<string>()
      return nodes
        .filter(({ type, vehicleId }) => {
          if (type !== 'VEHICLE_CHANGED' || who !== 'owner' || created.has(vehicleId)) return true
          created.add(vehicleId)
          return false
        })
        .map(toEntry)
    },
    command: (who: Party, vehicleId: string, type = 'UNLOCK_CENTRAL_LOCK') =>
      sendCommand(server.url, tokens[who], { vehicleId, type, timeoutSeconds: 300 }),
    /** A late report that says nothing of what makes a vehicle idle: it takes the vehicle's lock, and so settles. */
    settle: (vehicleId: string) => tell(vehicleId, { energyPercent: 50 }, Date.now() - 2 * HOUR),
  }
}

export type Returns = Awaited<ReturnType<typeof makeReturns>>
