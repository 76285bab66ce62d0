import type { PrismaClient } from '../../src/generated/prisma/client.ts'
import type * as row from '../../src/generated/prisma/client.ts'

type Status = row.Command['status']

/** Every way that a command may go. */
const LEGAL: readonly (readonly Status[])[] = [
  ['PENDING', 'EXPIRED'],
  ['PENDING', 'CANCELLED_BY_HANDOVER'],
  ['PENDING', 'DISPATCHED', 'SUCCEEDED'],
  ['PENDING', 'DISPATCHED', 'FAILED'],
  ['PENDING', 'DISPATCHED', 'OUTCOME_UNKNOWN'],
]

/** What a vehicle went through. `faults` says what must not have happened, and is empty. */
export type Audit = {
  readonly faults: string[]
  readonly handovers: number
  /** How many commands came to each status. */
  readonly statuses: Readonly<Record<Status, number>>
}

/** All that is stored of one vehicle: its sharings that were not called off by their start, its events by position. */
export type Stored = {
  readonly ownerId: string
  readonly sharings: readonly row.Sharing[]
  readonly commands: readonly row.Command[]
  readonly events: readonly row.Event[]
}

/** Reads the end of every story from the database itself: all commands of the vehicle have to be final by now. */
export async function auditVehicle(prisma: PrismaClient, vehicleId: string): Promise<Audit> {
  const { ownerId } = await prisma.vehicle.findUniqueOrThrow({ where: { id: vehicleId } })
  const where = { vehicleId }
  return audit({
    ownerId,
    sharings: await prisma.sharing.findMany({ where: { ...where, cancelledAt: null }, orderBy: { startsAt: 'asc' } }),
    commands: await prisma.command.findMany({ where }),
    events: await prisma.event.findMany({ where, orderBy: { position: 'asc' } }),
  })
}

const statusOf = ({ facts }: row.Event): Status => (facts as { status: Status }).status
const isHandover = ({ type }: row.Event) => type === 'SHARING_STARTED' || type === 'SHARING_ENDED'
const time = (date: Date | null) => date?.getTime() ?? Number.NaN

/** The same, of what was read already. */
export function audit({ ownerId, sharings, commands, events }: Stored): Audit {
  const faults: string[] = []
  // One that waits to start is nobody's control.
  const started = sharings.filter(({ startWhenIdle, startedAt }) => !startWhenIdle || startedAt !== null)
  const check = (holds: boolean, fault: string) => holds || faults.push(fault)
  const places = new Map(events.map((event, place) => [event, place]))
  const placeOf = (event: row.Event | undefined) => (event && places.get(event)) ?? Number.NaN
  const handovers = events.filter(isHandover)
  const byCommand = Map.groupBy(
    events.filter(({ type }) => type === 'COMMAND_UPDATED'),
    ({ commandId }) => commandId ?? '',
  )
  const startOf = ({ startsAt, startedAt }: row.Sharing) => time(startedAt ?? startsAt)
  const endOf = ({ endsAt, latestEndsAt, endedAt }: row.Sharing) =>
    Math.min(time(latestEndsAt ?? endsAt) || Infinity, time(endedAt) || Infinity)
  const inForce = (at: number) => started.find((sharing) => startOf(sharing) <= at && at < endOf(sharing))

  // One controller at any instant, and each change of it in the log, once and in turn.
  for (const [index, sharing] of started.entries()) {
    const next = started[index + 1]
    check(!next || endOf(sharing) <= time(next.startsAt), `two sharings at once: ${sharing.id} and ${next?.id}`)
    const [start, end, ...more] = handovers.filter(({ sharingId }) => sharingId === sharing.id)
    check(start?.type === 'SHARING_STARTED', `${sharing.id} is in force, but its start is not in the log`)
    check(time(start?.occurredAt ?? null) === startOf(sharing), `${sharing.id} did not start when the log says`)
    check(more.length === 0, `${sharing.id} changed hands more than twice`)
    if (end) {
      check(end.type === 'SHARING_ENDED', `${sharing.id} started twice`)
      check(time(end.occurredAt) === endOf(sharing), `${sharing.id} did not end when the log says`)
    }
  }
  for (const [index, event] of handovers.entries()) {
    const expected = index % 2 === 0 ? 'SHARING_STARTED' : 'SHARING_ENDED'
    check(event.type === expected, `${event.type} at ${event.position}, where control was on the other side`)
  }
  const decisions = events.filter(({ type }) => type !== 'STATE_RECORDED')
  for (const [index, event] of decisions.entries()) {
    const before = decisions[index - 1]
    check(!before || before.occurredAt <= event.occurredAt, `the log goes back in time at ${event.position}`)
    check(event.occurredAt <= event.recordedAt, `${event.position} was recorded before it occurred`)
  }

  for (const command of commands) {
    const steps = byCommand.get(command.id) ?? []
    const path = steps.map(statusOf)
    const name = `command ${command.id} (${path.join()})`
    check(
      LEGAL.some((legal) => legal.join() === path.join()),
      `${name} has no legal history`,
    )
    check(path.at(-1) === command.status, `${name} is stored as ${command.status}`)
    const [accepted, second] = steps
    check(
      time(accepted?.occurredAt ?? null) === time(command.requestedAt),
      `${name} was not accepted when the log says`,
    )

    // Accepted from the controller, under that very control.
    const control = inForce(time(command.requestedAt))
    check(command.fleetId === (control?.partnerId ?? ownerId), `${name} was accepted from who had no control`)
    check(command.sharingId === (control?.id ?? null), `${name} is bound to another control`)

    // Whatever comes first of dispatch, deadline and handover decides.
    const handover = handovers.find((event) => placeOf(event) > placeOf(accepted))
    const beforeHandover = !handover || placeOf(second) < placeOf(handover)
    if (command.dispatchedAt) {
      check(beforeHandover, `${name} was dispatched after control had passed`)
      check(inForce(time(command.dispatchedAt))?.id === control?.id, `${name} was dispatched under another control`)
      check(!handover || command.dispatchedAt < handover.occurredAt, `${name} was dispatched at or after a handover`)
      check(command.dispatchedAt < command.deadline, `${name} was dispatched after its deadline`)
      check(command.dispatchedAt >= command.requestedAt, `${name} was dispatched before it was sent`)
    }
    if (command.status === 'EXPIRED' || command.status === 'OUTCOME_UNKNOWN') {
      check(time(command.completedAt) === time(command.deadline), `${name} did not end at its deadline`)
      check(command.status !== 'EXPIRED' || beforeHandover, `${name} expired though control had passed`)
    }
    if (command.status === 'CANCELLED_BY_HANDOVER') {
      check(
        time(command.completedAt) === time(handover?.occurredAt ?? null),
        `${name} was not cancelled by its handover`,
      )
      // Between a handover and what it cancels there is nothing but what else it cancels.
      const between = handover ? events.slice(placeOf(handover) + 1, placeOf(second)) : events
      check(
        between.every((event) => event.type === 'COMMAND_UPDATED' && statusOf(event) === 'CANCELLED_BY_HANDOVER'),
        `${name} was not cancelled right behind its handover`,
      )
    }
    check(
      beforeHandover || command.status === 'CANCELLED_BY_HANDOVER',
      `${name} was pending at a handover and not cancelled by it`,
    )
  }
  const ids = new Set(commands.map(({ id }) => id))
  for (const id of byCommand.keys()) check(ids.has(id), `the log names the command ${id}, which does not exist`)

  const statuses: Record<Status, number> = {}
  for (const { status } of commands) statuses[status] = (statuses[status] ?? 0) + 1
  return { faults, handovers: handovers.length, statuses }
}
