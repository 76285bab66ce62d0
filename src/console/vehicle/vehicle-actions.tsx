import { useState } from 'preact/hooks'
import { mutate } from '../api/client.ts'
import type { Mutation } from '../api/client.ts'
import {
  EndSharingMutation,
  SendCommandMutation,
  StartSharingMutation,
  UpdateSharingEndMutation,
} from '../api/documents.ts'
import type { CommandType, VehicleDetails } from '../api/documents.ts'
import type { FleetSession } from '../api/use-fleet.ts'
import { ActionRow, Select } from '../ui/action-row.tsx'
import { instantIn } from '../ui/time.ts'

type Props = {
  readonly session: FleetSession
  readonly vehicle: NonNullable<VehicleDetails['vehicle']>
  readonly fleetName: string
  /** Called with the result of an action, after which the fleet may not see the vehicle any more. */
  readonly onDone: (notice: Notice) => void
}

/** The result of an action on a vehicle, as a text to show. */
export type Notice = { readonly vehicleId: string; readonly text: string; readonly isRefusal: boolean }

const STARTS = [
  [0, 'now'],
  [10, 'in 10 s'],
  [60, 'in 1 min'],
  [600, 'in 10 min'],
] as const
const ENDS = [
  [null, 'open end'],
  [30, 'for 30 s'],
  [600, 'for 10 min'],
  [3_600, 'for 1 hour'],
] as const
const NEW_ENDS = [
  [30, 'in 30 s'],
  [600, 'in 10 min'],
  [3_600, 'in 1 hour'],
  [null, 'open end'],
] as const

/** The actions on a vehicle: those that the fleet may take now, and for the others the reason why not. */
export function VehicleActions({ session, vehicle, fleetName, onDone }: Props) {
  const { viewerCan, supportedCommands, id: vehicleId } = vehicle
  const [partner, setPartner] = useState('')
  const [start, setStart] = useState<number>(0)
  const [length, setLength] = useState<number | null>(null)
  const [newEnd, setNewEnd] = useState<number | null>(30)
  const [command, setCommand] = useState<CommandType | null>(null)
  const fleetId = partner || (session.partners[0]?.id ?? '')
  const type = command ?? supportedCommands[0] ?? null
  // A vehicle that is shared now can still be lent for a later period.
  const { startSharing } = viewerCan
  const lendPermission = startSharing.code === 'ALREADY_SHARED' ? { ...startSharing, allowed: true } : startSharing

  const run = async <Input,>(success: string, document: Mutation<Input>, input: Input) => {
    const refusal = await mutate(session.api, document, input)
    onDone({ vehicleId, text: refusal ?? success, isRefusal: refusal !== null })
  }
  const lend = () => {
    const startsAt = start === 0 ? null : instantIn(start)
    const endsAt = length === null ? null : instantIn(start + length)
    return run('The vehicle is lent.', StartSharingMutation, { vehicleId, fleetId, startsAt, endsAt })
  }
  const moveEnd = () => run('The end was moved.', UpdateSharingEndMutation, { vehicleId, endsAt: instantIn(newEnd) })
  const endNow = () => run('The sharing has ended.', EndSharingMutation, { vehicleId, when: 'NOW' })
  const endWhenIdle = () =>
    run('It ends when the vehicle is idle.', EndSharingMutation, { vehicleId, when: 'WHEN_IDLE' })
  const send = () => type && run(`${type} was accepted.`, SendCommandMutation, { vehicleId, type })

  return (
    <section class="actions" aria-label={`What ${fleetName} may do`}>
      <ActionRow
        name="Lend"
        permission={lendPermission}
        buttons={[{ name: 'Lend', onPress: () => void lend(), isPrimary: true }]}
      >
        <Select
          label="Lend to"
          value={fleetId}
          options={session.partners.map((fleet) => [fleet.id, `to ${fleet.name}`])}
          onChange={setPartner}
        />
        <Select label="Start" value={start} options={STARTS} onChange={setStart} />
        <Select label="End" value={length} options={ENDS} onChange={setLength} />
      </ActionRow>
      <ActionRow
        name="Due end"
        permission={viewerCan.updateSharingEnd}
        buttons={[{ name: 'Move the end', onPress: () => void moveEnd() }]}
      >
        <Select label="New end" value={newEnd} options={NEW_ENDS} onChange={setNewEnd} />
      </ActionRow>
      <ActionRow
        name="End"
        permission={viewerCan.endSharing}
        buttons={[
          { name: 'End when idle', onPress: () => void endWhenIdle() },
          { name: 'End now', onPress: () => void endNow() },
        ]}
      />
      <ActionRow
        name="Command"
        permission={viewerCan.sendCommand}
        buttons={[{ name: 'Send', onPress: () => void send(), isPrimary: true }]}
      >
        <Select
          label="Command"
          value={type}
          options={supportedCommands.map((command) => [command, command.toLowerCase().replaceAll('_', ' ')])}
          onChange={setCommand}
        />
      </ActionRow>
    </section>
  )
}
