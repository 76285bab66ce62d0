import { ask } from './api.ts'
import type { Answer, Variables } from './api.ts'
import { report, reportAt } from './gateway.ts'
import type { ControlWorld } from './control.ts'
import type { TestServer } from './server.ts'

export const DRIVEN = { speedKmh: 100, ignition: true, centralLock: 'UNLOCKED' }
export const PARKED = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }

const USER_ERROR = `__typename ... on UserError { code message } ... on InputError { path }
  ... on SharingConflictError { conflict { id } }`

export const POLICY_SHARING = `id phase startsAt startPolicy startedAt startAwaitedSince endsAt endPolicy latestEndsAt endedAt
  endReason endRequestedAt vehicle { id }`

const START = `mutation ($input: StartSharingInput!) { startSharing(input: $input) { ${USER_ERROR}
  ... on StartSharingSuccess { vehicle { id use { since } } sharing { ${POLICY_SHARING} } } } }`
const MOVE = `mutation ($input: UpdateSharingEndInput!) { updateSharingEnd(input: $input) { ${USER_ERROR}
  ... on UpdateSharingEndSuccess { sharing { ${POLICY_SHARING} } } } }`
const USE = `mutation ($input: SetVehicleUseInput!) { setVehicleUse(input: $input) { ${USER_ERROR}
  ... on SetVehicleUseSuccess { vehicle { id use { since reference } idleness { idle blockedBy } sharing { id } } } } }`
const SHARING = `query ($id: ID!) { sharing(id: $id) { ${POLICY_SHARING} } }`
const VEHICLE = `query ($id: ID!) { vehicle(id: $id) { id lastContactAt use { since reference } idleness { idle blockedBy }
  sharing { id } viewerCan { setUse { allowed code } sendCommand { allowed code until } delete { code until } } } }`

export const start = async (url: string, token: string, input: Variables): Promise<Answer['data']> =>
  (await ask(url, token, START, { input })).startSharing
export const move = async (url: string, token: string, input: Variables): Promise<Answer['data']> =>
  (await ask(url, token, MOVE, { input })).updateSharingEnd
export const setUse = async (url: string, token: string, input: Variables): Promise<Answer['data']> =>
  (await ask(url, token, USE, { input })).setVehicleUse
export const readSharing = async (url: string, token: string, id: string): Promise<Answer['data']> =>
  (await ask(url, token, SHARING, { id })).sharing
export const readVehicle = async (url: string, token: string, id: string): Promise<Answer['data']> =>
  (await ask(url, token, VEHICLE, { id })).vehicle

/** Reports readings of a vehicle as of now, each under a message of its own. */
export function reporting({ url }: TestServer, { gateway }: ControlWorld) {
  let messages = 0
  return async (vehicleId: string, readings: Variables, at = Date.now()) => {
    const { recorded } = await report(url, gateway, [reportAt(vehicleId, `r${++messages}`, at, readings)])
    if (recorded !== 1) throw new Error('the report was not taken')
  }
}

/** The log of a vehicle in short: type and, where there is one, the reason. */
export const inShort = (log: readonly { readonly what: string; readonly endReason: string | null }[]): string[] =>
  log.map(({ what, endReason }) => (endReason === null ? what : `${what} ${endReason}`))
