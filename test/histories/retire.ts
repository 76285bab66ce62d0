import { setTimeout as sleep } from 'node:timers/promises'
import { post, run } from '../support/api.ts'
import { HISTORY } from '../support/sockets.ts'
import type { Arena, Witness } from './arena.ts'
import type { Violation } from './history.ts'

const EVERY_MS = 100

/** Two fleets with one sharing that is over: the partner has no events but those of the sharing, and a cursor behind the first. */
export async function plantWitness(arena: Arena): Promise<Witness> {
  const url = arena.urlOf(0)
  const { token: admin } = await arena.token(null, 'admin')
  const fleet = async (): Promise<string> => {
    const name = `witness ${crypto.randomUUID()}`
    return String((await run(url, admin, 'createFleet', { name }))['fleet'].id)
  }
  const [owner, partnerId] = [await fleet(), await fleet()]
  await run(url, admin, 'registerPartnership', { fleetIds: [owner, partnerId] })
  const { token: manager } = await arena.token(owner, 'manager')
  const vehicleId = String((await run(url, manager, 'createVehicle', {}))['vehicle'].id)
  await run(url, manager, 'startSharing', { vehicleId, fleetId: partnerId })
  const { token } = await arena.token(partnerId, 'viewer')
  const { data } = await post(url, token, HISTORY, { first: 1 })
  await run(url, manager, 'endSharing', { vehicleId })
  return { partnerId, vehicleId, cursor: data.vehicleEvents.nodes[0].cursor as string }
}

/**
 * Removes what waves before have left in the log, one partition after the other, until it is told to stop: whatever is recorded from now
 * on is young. @returns what stops it
 */
export async function retire({ prisma, problems }: Arena): Promise<() => Promise<void>> {
  const [{ now }] = await prisma.$queryRaw<[{ now: Date }]>`SELECT clock_timestamp() AS now`
  let going = true
  const work = async () => {
    for (; going; await sleep(EVERY_MS)) {
      const partitions = await prisma.$queryRaw<
        { name: string }[]
      >`SELECT name FROM log_partitions() WHERE "to" IS NOT NULL`
      for (const { name } of partitions) await prisma.$queryRaw`SELECT drop_log_partition(${name}, ${now}::timestamptz)`
    }
  }
  const working = work().catch((error: unknown) => void problems.push(`retiring the log: ${String(error)}`))
  return async () => {
    going = false
    await working
  }
}

/** A witness whose events are gone is told so, and any other misses nothing. */
export async function checkWitnesses({ prisma, witnesses, token, urlOf }: Arena): Promise<Violation[]> {
  const violations: Violation[] = []
  const left: Witness[] = []
  for (const witness of witnesses) {
    const { vehicleId, partnerId, cursor: after } = witness
    const kept = await prisma.event.count({ where: { vehicleId, partnerId } })
    const { token: viewer } = await token(partnerId, 'viewer')
    const { data, errors } = await post(urlOf(1), viewer, HISTORY, { after })
    const code = errors?.[0]?.extensions.code ?? `${data.vehicleEvents.nodes.length} of ${kept} events`
    const expected = kept === 0 ? 'CURSOR_EXPIRED' : `1 of ${kept} events`
    if (code !== expected && (kept === 0 || kept === 2)) {
      violations.push({ check: 'expired', text: `a cursor with ${kept} events left is answered with ${code}` })
    }
    if (kept > 0) left.push(witness)
  }
  witnesses.splice(0, witnesses.length, ...left)
  return violations
}
