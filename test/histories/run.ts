import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena } from './arena.ts'
import { newCaller, patiently, settle } from './caller.ts'
import { follow } from './follower.ts'
import type { Following } from './follower.ts'
import { executeCommands } from './gateway.ts'
import type { EventFilter, Follower, Pages, Recording, SeenEvent, Transport, Truth } from './history.ts'
import { meetEnds } from './meet-ends.ts'
import { mutate } from './mutators.ts'
import { chance, oneOf, streamOf, whole } from './random.ts'
import type { Stage } from './stage.ts'
import { readPage } from './transports.ts'
import { makeWorld } from './world.ts'

/** How long a quiet arena may take to finish what was begun, and to deliver the last event. Milliseconds. */
const QUIET_LIMIT_MS = 30_000
const END_LIMIT_MS = 30_000

/** A history that is under way, in the three steps that those who share an arena take together. */
export type Run = {
  /** Everybody at once, for a time in milliseconds. */
  readonly act: (length: number) => Promise<void>
  /** In a quiet arena: finishes what is open, and has everybody come to the end. */
  readonly finish: () => Promise<Recording>
}

/** Makes the world of a seed, in an arena that nobody disturbs yet. */
export async function prepare(arena: Arena, seed: number): Promise<Run> {
  const random = streamOf(seed, 'run')
  const caller = newCaller(arena, `h${seed}`)
  const world = await makeWorld(arena, caller, `seed ${seed}`, random)
  let going = true
  const stage: Stage = {
    seed,
    arena,
    caller,
    world,
    going: () => going,
    startedAt: Date.now(),
    followers: [],
    dispatches: [],
    reads: [],
    sharings: new Map(),
    problems: [],
  }
  const since = { disruptions: arena.disruptions.length, lags: arena.lags.length, problems: arena.problems.length }
  const followings: { readonly follower: Follower; readonly following: Following }[] = []
  const leaving = new AbortController()
  const gateways: Promise<void>[] = []

  // Their places are taken while nobody disturbs that.
  stage.followers.push(...(await castOf(stage)))

  function begin(): void {
    for (const follower of stage.followers) followings.push({ follower, following: follow(stage, follower) })
    for (const side of [0, 1] as const) gateways.push(executeCommands(stage, side, leaving.signal))
  }

  return {
    async act(length) {
      begin()
      setTimeout(() => (going = false), length)
      await Promise.all([mutate(stage), meetEnds(stage)]).catch((error: unknown) => stage.problems.push(String(error)))
    },
    async finish() {
      await closeAll(stage)
      leaving.abort()
      await Promise.all(gateways)
      const markers = new Map<string, string>()
      for (const { id, ownerId } of world.ownVehicles) {
        const token = world.managers.get(ownerId) ?? ''
        const input = { id, name: 'the end' }
        const call = await settle(stage.caller, random, {
          name: 'updateVehicle',
          fleetId: ownerId,
          token,
          side: 0,
          input,
        })
        markers.set(ownerId, call.requestId)
      }
      await Promise.all(
        followings.map(async ({ follower: { name, fleetId }, following }) => {
          const came = await following.until(markers.get(fleetId) ?? '', END_LIMIT_MS)
          if (!came) stage.problems.push(`${name} did not come to the end of the log within ${END_LIMIT_MS} ms`)
        }),
      )
      const pages = await readHistories(stage)
      const vehicles = [...world.vehicles, ...world.ownVehicles]
      return {
        seed,
        fleetIds: world.fleetIds,
        vehicles,
        markers,
        calls: caller.calls,
        reads: stage.reads,
        followers: stage.followers,
        dispatches: stage.dispatches,
        pages,
        truth: await readTruth(
          arena,
          vehicles.map(({ id }) => id),
        ),
        disruptions: arena.disruptions.slice(since.disruptions),
        lags: arena.lags.slice(since.lags),
        problems: [...stage.problems, ...arena.problems.slice(since.problems)],
      }
    },
  }
}

/** For each fleet one over each way to follow; some look at a part of the log only. */
async function castOf(stage: Stage): Promise<Follower[]> {
  const { world, seed } = stage
  const random = streamOf(seed, 'cast')
  const cast: Follower[] = []
  for (const [index, fleetId] of world.fleetIds.entries()) {
    const from = (await readLog(stage, fleetId, 0, null)).at(-1)?.cursor ?? ''
    const own = world.ownVehicles.filter(({ ownerId }) => ownerId === fleetId).map(({ id }) => id)
    for (const transport of ['WebSocket', 'SSE', 'pages'] as const satisfies Transport[]) {
      const some = world.vehicles.filter(() => chance(random, 0.5)).map(({ id }) => id)
      // Each lets the last event pass.
      const filter: EventFilter = oneOf(random, [
        { vehicleIds: [...some, ...own] },
        { types: ['VEHICLE_CHANGED', 'SHARING_STARTED', 'SHARING_ENDED'] },
        { types: ['VEHICLE_CHANGED', 'STATE_RECORDED'], vehicleIds: [...some, ...own] },
      ])
      const name = `${'ABC'[index]} over ${transport}`
      cast.push({ name, fleetId, transport, filter: chance(random, 0.25) ? filter : null, from, sessions: [] })
    }
  }
  return cast
}

/** Ends what is in force or scheduled, and waits for what goes by time. */
async function closeAll(stage: Stage): Promise<void> {
  const { arena, world, seed } = stage
  const random = streamOf(seed, 'close')
  const vehicleId = { in: world.vehicles.map(({ id }) => id) }
  const end = Date.now() + QUIET_LIMIT_MS
  for (;;) {
    const open = await arena.prisma.sharing.findMany({ where: { vehicleId, cancelledAt: null, endedAt: null } })
    const commands = await arena.prisma.command.count({
      where: { vehicleId, status: { in: ['PENDING', 'DISPATCHED'] } },
    })
    if (open.length === 0 && commands === 0) return
    if (Date.now() > end) {
      stage.problems.push(`${open.length} sharings and ${commands} commands are open after ${QUIET_LIMIT_MS} ms`)
      return
    }
    for (const sharing of open) {
      if (sharing.endsAt !== null) continue
      await settle(stage.caller, random, {
        name: 'endSharing',
        fleetId: sharing.ownerId,
        token: world.managers.get(sharing.ownerId) ?? '',
        side: 0,
        input: { vehicleId: sharing.vehicleId, sharingId: sharing.id },
      })
    }
    await sleep(50)
  }
}

/** Everybody's history on both instances, and from some places within it. */
async function readHistories(stage: Stage): Promise<Pages[]> {
  const random = streamOf(stage.seed, 'pages')
  const pages: Pages[] = []
  for (const fleetId of stage.world.fleetIds) {
    for (const side of [0, 1] as const) {
      const events = await readLog(stage, fleetId, side, null, whole(random, 20, 500))
      pages.push({ fleetId, side, after: null, events })
      const after = oneOf(random, events).cursor
      pages.push({ fleetId, side, after, events: await readLog(stage, fleetId, side, after, whole(random, 1, 500)) })
    }
  }
  return pages
}

async function readLog(
  { arena }: Stage,
  fleetId: string,
  side: 0 | 1,
  from: string | null,
  first = 500,
): Promise<SeenEvent[]> {
  const { token } = await arena.token(fleetId, 'viewer')
  const events: SeenEvent[] = []
  const order = { url: arena.urlOf(side), token, filter: null, signal: AbortSignal.timeout(END_LIMIT_MS) }
  for (let after = from; ;) {
    const place = after
    const { nodes, pageInfo } = await patiently(() => readPage(order, first, place))
    events.push(...nodes)
    after = pageInfo.endCursor
    if (!pageInfo.hasNextPage) return events
  }
}

async function readTruth({ prisma }: Arena, ids: readonly string[]): Promise<Truth> {
  const where = { vehicleId: { in: [...ids] } }
  const [events, sharings, commands] = await prisma.$transaction(
    [
      prisma.event.findMany({ where, orderBy: { position: 'asc' } }),
      prisma.sharing.findMany({ where, orderBy: [{ startsAt: 'asc' }, { id: 'asc' }] }),
      prisma.command.findMany({ where, orderBy: { id: 'asc' } }),
    ],
    { isolationLevel: 'RepeatableRead' },
  )
  return { events, sharings, commands }
}
