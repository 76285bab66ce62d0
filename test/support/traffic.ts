import { setTimeout as sleep } from 'node:timers/promises'
import { between, pick } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import { commandDispatches, outcome, sendCommand } from './gateway.ts'
import type { Subscription } from './sockets.ts'

/** Somebody who keeps doing something against a server until told to stop. */
export type Going = { readonly going: () => boolean; readonly random: Random }

const TYPES = ['UNLOCK_CENTRAL_LOCK', 'LOCK_CENTRAL_LOCK', 'DRAW_ATTENTION'] as const

export type Sender = Going & {
  readonly url: string
  readonly token: string
  readonly vehicleId: string
  readonly accepted: (command: { readonly id: string; readonly status: string }) => void
  readonly refused: (code: string) => void
  /** For a server that may go away: what to do with a request that got no answer, which is then made again. */
  readonly failed?: (error: unknown) => Promise<void>
  /** The longest wait between two commands; 20 if absent. Milliseconds. */
  readonly pauseMs?: number
}

let keys = 0

/** Sends commands one after the other. Each has a key, so that one that got no answer can be sent again. */
export async function keepSending(sender: Sender): Promise<void> {
  const { going, random, url, token, vehicleId, accepted, refused, failed, pauseMs = 20 } = sender
  while (going()) {
    const input = {
      vehicleId,
      type: pick(random, TYPES),
      timeoutSeconds: 1 + Math.floor(random() * 3),
      idempotencyKey: `key ${process.pid} ${++keys}`,
    }
    const answer = await persist(() => sendCommand(url, token, input), failed)
    if (answer.command) accepted(answer.command)
    else refused(answer.code)
    await sleep(between(random, 0, pauseMs))
  }
}

/** Tries until there is an answer, if the caller says what to do about a failure. */
export async function persist<T>(request: () => Promise<T>, failed?: (error: unknown) => Promise<void>): Promise<T> {
  for (;;) {
    try {
      return await request()
    } catch (error) {
      if (!failed) throw error
      await failed(error)
    }
  }
}

export type GatewayOrder = Going & {
  readonly url: string
  readonly token: string
  readonly vehicleIds: readonly string[]
  readonly given: (commandId: string) => void
  readonly failed?: (error: unknown) => Promise<void>
}

/**
 * A gateway that comes and goes: it takes commands for a while, reports most of their outcomes after a delay, forgets some,
 * and leaves what is sent in its absence waiting.
 */
export async function keepDispatching(order: GatewayOrder): Promise<void> {
  const { going, random, url, token, vehicleIds, given, failed } = order
  const reports: Promise<void>[] = []
  const report = async (commandId: string) => {
    await sleep(between(random, 0, 100))
    if (random() < 0.1) return
    const said = random() < 0.8 ? 'SUCCEEDED' : 'FAILED'
    await persist(() => outcome(url, token, { commandId, outcome: said }), failed)
  }
  while (going()) {
    const stream = await commandDispatches(url, token, vehicleIds)
    const leave = setTimeout(stream.stop, between(random, 50, 600))
    for await (const commandId of commandsOf(stream)) {
      given(commandId)
      reports.push(report(commandId))
    }
    clearTimeout(leave)
    await sleep(between(random, 0, 200))
  }
  await Promise.all(reports)
}

/** The commands that a gateway is given, one by one, until its stream ends. */
export async function* commandsOf({ received }: Subscription): AsyncGenerator<string, void> {
  for (let next = 0; ; next++) {
    const results = await received(next + 1).catch(() => null)
    if (results === null) return
    yield results[next].data.commandDispatches.commandId as string
  }
}
