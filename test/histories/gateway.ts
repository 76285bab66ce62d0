import { setTimeout as sleep } from 'node:timers/promises'
import { between } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import { DISPATCHES } from '../support/gateway.ts'
import type { Dispatch, Side } from './history.ts'
import { chance, oneOf, streamOf } from './random.ts'
import { anySide } from './stage.ts'
import type { Stage } from './stage.ts'
import { overWebSocket } from './web-socket.ts'

/**
 * A gateway that comes and goes: it is given commands, reports the outcome of most after a delay, some twice or otherwise,
 * and forgets some.
 */
export async function executeCommands(stage: Stage, side: Side, leaving: AbortSignal): Promise<void> {
  const name = `gateway ${side}`
  const random = streamOf(stage.seed, name)
  const vehicleIds = stage.world.vehicles.map(({ id }) => id)
  const reports: Promise<void>[] = []
  while (!leaving.aborted) {
    const { token } = await stage.arena.token(null, 'gateway')
    const absent = new AbortController()
    const leave = () => absent.abort()
    leaving.addEventListener('abort', leave)
    const enough = setTimeout(leave, between(random, 200, 2_000))
    await overWebSocket({
      url: stage.arena.urlOf(side),
      token,
      query: DISPATCHES,
      variables: { vehicleIds },
      signal: absent.signal,
      next: (data) => {
        const dispatch = data['commandDispatches'] as Omit<Dispatch, 'gateway' | 'at'>
        stage.dispatches.push({ ...dispatch, gateway: name, at: Date.now() })
        reports.push(report(stage, random, dispatch.commandId))
      },
    })
    clearTimeout(enough)
    leaving.removeEventListener('abort', leave)
    await sleep(between(random, 10, 100))
  }
  await Promise.all(reports)
}

async function report(stage: Stage, random: Random, commandId: string): Promise<void> {
  if (chance(random, 0.2)) return
  const times = chance(random, 0.2) ? 2 : 1
  await sleep(between(random, 0, 400))
  for (let time = 0; time < times; time++) {
    await stage.caller.call({
      name: 'reportCommandOutcome',
      fleetId: null,
      token: stage.world.gateway,
      side: anySide(random),
      input: { commandId, outcome: oneOf(random, ['SUCCEEDED', 'SUCCEEDED', 'FAILED']) },
    })
  }
}
