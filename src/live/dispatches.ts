import type { Client } from '../data/client.ts'
import type { Command } from '../domain/command.ts'
import type { LoggedEvent } from '../domain/log/event.ts'
import { followLog, stoppable } from './stream.ts'
import type { Limits } from './stream.ts'
import type { Tail } from './tail.ts'

/** More commands than can be waiting for a gateway, within reason: each waits five minutes at most. */
const WAITING_LIMIT = 10_000

export type DispatchOrder = Limits & {
  /** The vehicles that the gateway serves; null for all. */
  readonly vehicleIds: readonly string[] | null
}

/**
 * Commands for a gateway: first those that wait, then each as it is accepted. The log is the queue. A command is claimed
 * when the gateway pulls it, so that a slow gateway leaves the rest to others, and each command goes to one gateway only.
 */
export function openDispatches(prisma: Client, tail: Tail, { vehicleIds, ...limits }: DispatchOrder) {
  const serves = vehicleIds && new Set(vehicleIds)
  const isForUs = (event: LoggedEvent) =>
    event.type === 'COMMAND_UPDATED' && event.facts.status === 'PENDING' && (!serves || serves.has(event.vehicleId))

  return stoppable(tail, limits, async function* (ending): AsyncGenerator<Command, void> {
    // The position is taken first: a command accepted while the waiting ones are read is met twice, and claimed once.
    const start = await tail.join()
    const rewinds = tail.rewinds()
    try {
      for (const waiting of await prisma.command.pending(vehicleIds, WAITING_LIMIT)) {
        if (ending.ended()) return
        const command = await prisma.command.claim(waiting)
        if (command) yield command
      }
      for await (const event of followLog(prisma, tail, isForUs, { position: start, rewinds }, ending)) {
        if (event.type !== 'COMMAND_UPDATED' || !(await prisma.command.isPending(event.commandId))) continue
        if (ending.ended()) return
        const command = await prisma.command.claim({ id: event.commandId, vehicleId: event.vehicleId })
        if (command) yield command
      }
    } finally {
      tail.leave()
    }
  })
}
