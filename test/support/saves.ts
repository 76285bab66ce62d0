import { saveTogether } from '../../src/data/decisions/commit-together.ts'
import { save } from '../../src/data/decisions/commit.ts'
import type { Statement } from '../../src/data/database/statement.ts'
import type { Changes } from '../../src/data/services.ts'
import { newCommand } from '../../src/domain/command.ts'
import { sharingEvent } from '../../src/domain/log/event.ts'
import { aSharing, aVehicle } from './sharings.ts'

/** The statements that write a decision, and several, by their names: one for each set of what they may change. */
export async function saves(): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>()
  const tx = {
    query: <Row>({ name, text }: Statement) => (texts.set(name, text), Promise.resolve<Row[]>([])),
  }
  const vehicle = aVehicle()
  const moment = { at: 1, requestId: 'request' }
  const sharing = aSharing()
  const command = newCommand(vehicle, 'owner', null, { id: 'command', type: 'DRAW_ATTENTION', timeoutSeconds: 1 }, 1)
  const [yes, no] = [{ isNew: true }, { isNew: false }]
  const sets = <T extends { readonly id: string }>(row: T): Map<string, { row: T; isNew: boolean }>[] =>
    [[], [yes], [no], [yes, no]].map((some) => new Map(some.map((one, index) => [String(index), { row, ...one }])))
  for (const sharings of sets(sharing)) {
    for (const commands of sets(command)) {
      for (const actor of [null, { fleetId: 'owner', subject: null }]) {
        for (const use of [undefined, null]) {
          const changes: Changes = { sharings, commands, use }
          const events = [sharingEvent('SHARING_STARTED', sharing, moment)]
          const decision = { vehicle, version: '1', validUntil: 2, moment, changes, events, actor }
          await save(tx, decision)
          await saveTogether(tx.query, [decision])
        }
      }
    }
  }
  return texts
}
