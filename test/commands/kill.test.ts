import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { between, seeded } from '../../src/simulator/random.ts'
import { run } from '../support/api.ts'
import type { Answer } from '../support/api.ts'
import { auditVehicle } from '../support/audit.ts'
import { makeControlWorld } from '../support/control.ts'
import { endSharing, report, reportAt } from '../support/gateway.ts'
import { startNode } from '../support/process.ts'
import type { Program } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { keepDispatching, keepSending, persist } from '../support/traffic.ts'

const KILLS = 3
/** How much is answered before each kill: commands, reports and handovers together. */
const ANSWERS = 60

const PARTY = { ENDED_BY_OWNER: 'owner', ENDED_BY_PARTNER: 'partner' } as const

it('loses nothing that was answered when an instance is killed, and ends pending commands', async () => {
  // This one sets the scene, keeps the development key, and looks at the database; it takes part in nothing.
  const stage = await startServer({ announce: false })
  onTestFinished(() => stage.close())
  const world = await makeControlWorld(stage)
  const { prisma } = stage.app
  const vehicleIds = [await world.newVehicle(), await world.newVehicle()]

  let url = ''
  const boot = async (): Promise<Program> => {
    const program = startNode('src/main.ts', {
      PORT: url === '' ? '0' : new URL(url).port,
      DATABASE_URL: stage.settings.databaseUrl ?? '',
      DATA_DIR: stage.settings.dataDir,
    })
    const [, listening = ''] = await program.line(/listens on (http:\S+)\/graphql/)
    if (url !== '') expect(listening).toBe(url)
    url = listening
    return program
  }
  let program = await boot()

  let over = false
  const going = () => !over
  let answers = 0
  let look: () => unknown = () => {}
  const count = () => {
    answers++
    look()
  }
  const failures: unknown[] = []
  // Between the kill and the restart nobody answers: ask again, as a client would.
  const failed = async (error: unknown) => {
    failures.push(error)
    await sleep(20)
  }
  const accepted = new Set<string>()
  const given: string[] = []
  const reported = new Map<string, string>()
  const ended: { id: string; by: 'owner' | 'partner' }[] = []

  const reporter = async (vehicleId: string, index: number) => {
    const random = seeded(index)
    for (let n = 0; going(); n++) {
      const messageId = `message ${index}-${n}`
      const message = reportAt(vehicleId, messageId, Date.now(), { mileageKm: n, speedKmh: n % 2, ignition: n % 3 > 0 })
      const answer = await persist(() => report(url, world.gateway, [message]), failed)
      expect(answer.recorded + answer.skipped).toBe(1)
      reported.set(messageId, vehicleId)
      count()
      await sleep(between(random, 0, 30))
    }
  }
  const director = async (vehicleId: string, index: number) => {
    const random = seeded(index)
    for (let n = 0; going(); n++) {
      const order = { vehicleId, fleetId: world.partner, idempotencyKey: `${index}-${n}` }
      const { sharing }: Answer['data'] = await persist(() => run(url, world.as.owner, 'startSharing', order), failed)
      count()
      await sleep(between(random, 0, 60))
      const by = random() < 0.5 ? 'owner' : 'partner'
      const end = await persist(() => endSharing(url, world.as[by], { vehicleId, sharingId: sharing.id }), failed)
      // An end that got no answer may have been done: then it is over by now, for the partner out of sight.
      if (end.sharing) ended.push({ id: sharing.id, by })
      else expect(end.code).toBe(by === 'owner' ? 'NOT_SHARED' : 'VEHICLE_NOT_FOUND')
      count()
      await sleep(between(random, 0, 60))
    }
  }
  const running = vehicleIds.flatMap((vehicleId, index) => [
    ...[world.as.owner, world.as.partner].map((token, side) =>
      keepSending({
        going,
        random: seeded(10 * index + side),
        url,
        token,
        vehicleId,
        accepted: ({ id }) => (accepted.add(id), count()),
        refused: (code) => expect(['SHARED_WITH_PARTNER', 'VEHICLE_NOT_FOUND']).toContain(code),
        failed,
        pauseMs: 60,
      }),
    ),
    reporter(vehicleId, 100 + index),
    director(vehicleId, 200 + index),
    keepDispatching({
      going,
      random: seeded(300 + index),
      url,
      token: world.gateway,
      vehicleIds,
      given: (id) => given.push(id),
      failed,
    }),
  ])

  for (let kill = 0; kill < KILLS; kill++) {
    const enough = answers + ANSWERS
    await new Promise<void>((resolve) => {
      look = () => answers >= enough && resolve()
    })
    const before = failures.length
    program.child.kill('SIGKILL')
    expect(await program.ended).toMatchObject({ signal: 'SIGKILL' })
    program = await boot()
    // Whoever was working met it.
    expect(failures.length).toBeGreaterThan(before)
  }
  over = true
  await Promise.all(running)
  const isOpen = { status: { in: ['PENDING', 'DISPATCHED'] } }
  while ((await prisma.command.count({ where: isOpen })) > 0) await sleep(50)
  program.child.kill('SIGTERM')
  expect(await program.ended).toEqual({ code: 0, signal: null })

  for (const vehicleId of vehicleIds)
    expect((await auditVehicle(stage.app.services.prisma, vehicleId)).faults).toEqual([])
  const stored = await prisma.command.findMany()
  const ids = new Set(stored.map(({ id }) => id))
  expect([...accepted].filter((id) => !ids.has(id))).toEqual([])
  // A request that was made again did its thing once. It may have got no answer at all where the sharing ended meanwhile.
  const keys = await prisma.idempotencyKey.findMany({ where: { mutation: 'sendCommand' } })
  expect(keys.map(({ resultId }) => resultId).toSorted()).toEqual([...ids].toSorted())
  const unanswered = stored.filter(({ id }) => !accepted.has(id))
  expect(unanswered.filter(({ fleetId }) => fleetId !== world.partner)).toEqual([])
  expect(new Set(given).size).toBe(given.length)

  const states = await prisma.event.groupBy({ by: ['vehicleId'], where: { type: 'STATE_RECORDED' }, _count: true })
  for (const { vehicleId, _count } of states) {
    const messages = [...reported].filter(([, of]) => of === vehicleId).map(([id]) => id)
    expect(_count).toBe(messages.length)
    const known = await prisma.event.findMany({ where: { vehicleId, messageId: { not: null } } })
    expect(new Set(known.map(({ messageId }) => messageId))).toEqual(new Set(messages))
  }
  for (const { id, by } of ended) {
    const sharing = await prisma.sharing.findUniqueOrThrow({ where: { id } })
    expect(PARTY[sharing.endReason as keyof typeof PARTY]).toBe(by)
  }
}, 120_000)
