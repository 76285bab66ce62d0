import { expect, it } from 'vitest'
import { startHousekeeper } from '../../src/background/housekeeper.ts'
import type { Client } from '../../src/data/client.ts'

type Removing = { readonly events?: () => Promise<boolean>; readonly audit?: () => Promise<boolean> }

/** A database that says what is asked of it. */
function database({ events, audit }: Removing) {
  const asked: string[] = []
  const told = Promise.withResolvers<void>()
  const note = (kind: string) => {
    asked.push(kind)
    if (new Set(asked).size === 4) told.resolve()
  }
  const remove = (kind: string, work: () => Promise<boolean>) => () => (note(kind), work())
  const nothing = () => Promise.resolve(false)
  const prisma = {
    event: { prune: remove('events', events ?? nothing) },
    audit: { prune: remove('audit entries', audit ?? nothing) },
    idempotencyKey: { forget: remove('keys', nothing) },
    revocation: { forget: remove('revocations', nothing) },
  } as unknown as Client
  return { prisma, all: told.promise, asked }
}

const KEPT = { retentionMs: 1, readingRetentionMs: 1, maxTokenAgeMs: 1 }

it.each<[behind: string, removing: (batch: Promise<boolean>) => Removing]>([
  ['events', (batch) => ({ events: () => batch })],
  ['audit entries', (batch) => ({ audit: () => batch })],
])('while %s are behind, all other kinds are removed', async (_behind, removing) => {
  const batch = Promise.withResolvers<boolean>()
  const { prisma, all } = database(removing(batch.promise))
  const housekeeper = startHousekeeper(prisma, KEPT, (error) => expect.fail(String(error)))
  await all
  batch.resolve(false)
  await housekeeper.stop()
})

it('a kind that fails is reported, and keeps no other kind from being removed', async () => {
  const errors: unknown[] = []
  const { prisma, all } = database({ events: () => Promise.reject(new Error('broken')) })
  const housekeeper = startHousekeeper(prisma, KEPT, (error) => void errors.push(error))
  await all
  await housekeeper.stop()
  expect(errors).toEqual([new Error('broken')])
})

it('goes on while there is more, and stops with the batch that is under way', async () => {
  const enough = Promise.withResolvers<void>()
  let batches = 0
  const { prisma } = database({
    events: () => {
      if (++batches === 20) enough.resolve()
      return Promise.resolve(true)
    },
  })
  const housekeeper = startHousekeeper(prisma, KEPT, (error) => expect.fail(String(error)))
  await enough.promise
  await housekeeper.stop()
  const done = batches
  await new Promise((resolve) => setImmediate(resolve))
  expect(batches).toBe(done)
})
