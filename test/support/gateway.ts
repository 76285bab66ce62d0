import { ask } from './api.ts'
import type { Answer, Variables } from './api.ts'
import { subscribe } from './sockets.ts'
import type { Subscription } from './sockets.ts'
import { iso } from './world.ts'

export const READINGS = `position { latitude longitude observedAt } speedKmh { value observedAt }
  mileageKm { value observedAt } energyPercent { value observedAt } centralLock { value observedAt }
  drivingEnabled { value observedAt } ignition { value observedAt }`

const HANDOVER = `sharing { id phase endReason endsAt endedAt endRequestedAt handover { ${READINGS} } returned { ${READINGS} } }`

/** As the contract lists them. */
export const STATUSES = [
  'PENDING',
  'DISPATCHED',
  'SUCCEEDED',
  'FAILED',
  'EXPIRED',
  'CANCELLED_BY_HANDOVER',
  'OUTCOME_UNKNOWN',
] as const
export type Status = (typeof STATUSES)[number]

export const COMMAND = 'id type status vehicleId requestedAt deadline dispatchedAt completedAt message fleet { id }'

const USER_ERROR = '__typename ... on UserError { code message } ... on InputError { path }'

export const REPORT = `mutation ($input: ReportVehicleStatesInput!) { reportVehicleStates(input: $input) {
  ${USER_ERROR} ... on ReportVehicleStatesSuccess { recorded skipped rejected { index code message } } } }`

export const SEND = `mutation ($input: SendCommandInput!) { sendCommand(input: $input) {
  ${USER_ERROR} ... on SharingConflictError { conflict { id } }
  ... on SendCommandSuccess { command { ${COMMAND} } } } }`

export const OUTCOME = `mutation ($input: ReportCommandOutcomeInput!) { reportCommandOutcome(input: $input) {
  ${USER_ERROR} ... on ReportCommandOutcomeSuccess { command { ${COMMAND} } } } }`

export const DISPATCHES = `subscription ($vehicleIds: [ID!]) { commandDispatches(vehicleIds: $vehicleIds) {
  commandId vehicleId type deadline } }`

export const READ_COMMAND = `query ($id: ID!) { command(id: $id) { ${COMMAND} } }`

export const END = `mutation ($input: EndSharingInput!) { endSharing(input: $input) {
  __typename ... on UserError { code message } ... on EndSharingSuccess { vehicle { id } ${HANDOVER} } } }`

/** A report as reportVehicleStates takes it. */
export const reportAt = (vehicleId: string, messageId: string, at: number, readings: Variables) => ({
  vehicleId,
  messageId,
  occurredAt: iso(at),
  ...readings,
})

/** @returns the union: `recorded`, `skipped` and `rejected`, or `code` for a failure */
export const report = async (url: string, token: string, reports: readonly Variables[]): Promise<Answer['data']> =>
  (await ask(url, token, REPORT, { input: { reports } })).reportVehicleStates

/** @returns the union: `command`, or `code` for a failure */
export const sendCommand = async (url: string, token: string, input: Variables): Promise<Answer['data']> =>
  (await ask(url, token, SEND, { input })).sendCommand

/** @returns the union: `command`, or `code` for a failure */
export const outcome = async (url: string, token: string, input: Variables): Promise<Answer['data']> =>
  (await ask(url, token, OUTCOME, { input })).reportCommandOutcome

/** @returns null where the viewer cannot read it */
export const readCommand = async (url: string, token: string, id: string): Promise<Answer['data']> =>
  (await ask(url, token, READ_COMMAND, { id })).command

/** Like run('endSharing'), with `when` and the snapshots. */
export const endSharing = async (url: string, token: string, input: Variables): Promise<Answer['data']> =>
  (await ask(url, token, END, { input })).endSharing

/** What a gateway is given to execute; null for all vehicles. Resolves once the operation is on its way. */
export const commandDispatches = async (
  url: string,
  token: string,
  vehicleIds: readonly string[] | null = null,
): Promise<Subscription> => subscribe(url, token, DISPATCHES, { vehicleIds })
