import { useState } from 'preact/hooks'
import { Action, Choice } from '../ui/action-row.tsx'
import { act } from '../api/client.ts'
import type { Mutation } from '../api/client.ts'
import type { FleetView } from '../api/use-fleet.ts'
import { EndSharing, SendCommand, StartSharing, UpdateSharingEnd } from '../api/documents.ts'
import type { CommandType, Details } from '../api/documents.ts'
import { inSeconds } from '../ui/time.ts'

type Vehicle = NonNullable<Details['vehicle']>
type Props = {
  readonly view: FleetView
  readonly vehicle: Vehicle
  readonly name: string
  /** Is told what came of an action, which may be that the fleet sees the vehicle no more. */
  readonly onDone: (notice: Notice) => void
}

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

/** What this fleet may do with the vehicle now. */
export function Actions({ view, vehicle, name, onDone }: Props) {
  const { viewerCan, supportedCommands, id: vehicleId } = vehicle
  const [partner, setPartner] = useState('')
  const [start, setStart] = useState<number>(0)
  const [length, setLength] = useState<number | null>(null)
  const [newEnd, setNewEnd] = useState<number | null>(30)
  const [command, setCommand] = useState<CommandType | null>(null)
  const fleetId = partner || (view.partners[0]?.id ?? '')
  const type = command ?? supportedCommands[0] ?? null
  // While it is shared it can still be lent for later.
  const { startSharing } = viewerCan
  const mayLend = startSharing.code === 'ALREADY_SHARED' ? { ...startSharing, allowed: true } : startSharing

  const run = async <Input,>(done: string, document: Mutation<Input>, input: Input) => {
    const refusal = await act(view.api, document, input)
    onDone({ vehicleId, text: refusal ?? done, isRefusal: refusal !== null })
  }
  const lend = () => {
    const startsAt = start === 0 ? null : inSeconds(start)
    const endsAt = length === null ? null : inSeconds(start + length)
    return run('The vehicle is lent.', StartSharing, { vehicleId, fleetId, startsAt, endsAt })
  }
  const moveEnd = () => run('The end was moved.', UpdateSharingEnd, { vehicleId, endsAt: inSeconds(newEnd) })
  const endNow = () => run('The sharing has ended.', EndSharing, { vehicleId, when: 'NOW' })
  const endIdle = () => run('It ends when the vehicle is idle.', EndSharing, { vehicleId, when: 'WHEN_IDLE' })
  const send = () => type && run(`${type} was accepted.`, SendCommand, { vehicleId, type })

  return (
    <section class="actions" aria-label={`What ${name} may do`}>
      <Action name="Lend" may={mayLend} buttons={[{ name: 'Lend', press: () => void lend(), isFirst: true }]}>
        <Choice
          label="Lend to"
          value={fleetId}
          options={view.partners.map((fleet) => [fleet.id, `to ${fleet.name}`])}
          onChange={setPartner}
        />
        <Choice label="Start" value={start} options={STARTS} onChange={setStart} />
        <Choice label="End" value={length} options={ENDS} onChange={setLength} />
      </Action>
      <Action
        name="Due end"
        may={viewerCan.updateSharingEnd}
        buttons={[{ name: 'Move the end', press: () => void moveEnd() }]}
      >
        <Choice label="New end" value={newEnd} options={NEW_ENDS} onChange={setNewEnd} />
      </Action>
      <Action
        name="End"
        may={viewerCan.endSharing}
        buttons={[
          { name: 'End when idle', press: () => void endIdle() },
          { name: 'End now', press: () => void endNow() },
        ]}
      />
      <Action
        name="Command"
        may={viewerCan.sendCommand}
        buttons={[{ name: 'Send', press: () => void send(), isFirst: true }]}
      >
        <Choice
          label="Command"
          value={type}
          options={supportedCommands.map((one) => [one, one.toLowerCase().replaceAll('_', ' ')])}
          onChange={setCommand}
        />
      </Action>
    </section>
  )
}
