import { expect, it, onTestFinished } from 'vitest'
import { ask, post, run } from '../../support/api.ts'
import { placeBefore } from '../../support/following.ts'
import { connectWith, openAcknowledged } from '../../support/raw.ts'
import { secondForAll, serverForAll, startSecond } from '../../support/server.ts'
import { sign } from '../../support/signing.ts'
import { FOLLOW, subscribe, subscribeSse } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'

const REVOKE = `mutation ($input: RevokeTokensInput!) { revokeTokens(input: $input) {
  ... on UserError { code message } ... on InputError { path } ... on RevokeTokensSuccess { until } } }`

const server = await serverForAll()
const second = await secondForAll(server)
const world = await makeWorld(server)

const revoke = async (input: object) => (await ask(server.url, world.as.admin, REVOKE, { input })).revokeTokens

/** A token says in whole seconds when it was issued: the first that is trusted again is of the second after. */
async function nextSecond(until: string): Promise<void> {
  const next = Math.floor(Date.parse(until) / 1000) * 1000 + 1000
  while (Date.now() < next) await new Promise((resolve) => setTimeout(resolve, next - Date.now()))
}

const VIEWER = '{ viewer { tokenExpiresAt } }'
const isTrusted = async (token: string, { url } = server) => (await post(url, token, VIEWER)).status === 200
const untilRefused = async (token: string, on = server) => {
  while (await isTrusted(token, on)) await new Promise((resolve) => setTimeout(resolve, 20))
}

it('closes the connections of a token on every instance, and refuses it from then on; fresh ones are trusted', async () => {
  const old = await sign(server, { fleet_id: world.owner, roles: ['MANAGER'], iat: Math.floor(Date.now() / 1000) })
  const socket = await openAcknowledged(server.url, old)
  const follow = await subscribe(second.url, old, FOLLOW)
  const stream = await subscribeSse(second.url, old, FOLLOW)
  const { after } = await placeBefore(server.url, world.as.partner)
  const bystander = await subscribe(second.url, world.as.partner, FOLLOW, { after })
  await bystander.received(1)
  const { until } = await revoke({ fleetId: world.owner })
  expect(await socket.closed).toEqual({ code: 4403, reason: 'The access token has been revoked.' })
  expect(await follow.ended).toMatchObject({ code: 4403 })
  expect(await stream.ended).toBeInstanceOf(Error)
  for (const { url } of [server, second]) {
    expect(await connectWith(url, { Authorization: `Bearer ${old}` })).toBe(4401)
    const { status, errors } = await post(url, old, VIEWER)
    expect({ status, code: errors?.[0]?.extensions.code }).toEqual({ status: 401, code: 'UNAUTHENTICATED' })
  }
  // Others are left alone.
  expect(await isTrusted(world.as.partner)).toBe(true)
  await run(server.url, world.as.partner, 'createVehicle', {})
  await bystander.received(2)
  bystander.stop()
  await nextSecond(until)
  const fresh = await server.token(world.owner, 'manager')
  expect([await isTrusted(fresh), await isTrusted(fresh, second)]).toEqual([true, true])
})

it('can be of one subject only', async () => {
  const iat = Math.floor(Date.now() / 1000) - 10
  const claims = { fleet_id: world.stranger, roles: ['VIEWER'], iat }
  const [ann, bob, nobody] = [
    await sign(server, { ...claims, sub: 'Ann' }),
    await sign(server, { ...claims, sub: 'Bob' }),
    await sign(server, claims),
  ]
  await revoke({ fleetId: world.stranger, subject: 'Ann' })
  await untilRefused(ann)
  expect([await isTrusted(bob), await isTrusted(nobody)]).toEqual([true, true])
  await revoke({ fleetId: world.stranger, subject: null })
  await untilRefused(bob)
  expect(await isTrusted(nobody)).toBe(false)
  // Who does not say when it was issued may be as old as any.
  expect(await isTrusted(await sign(server, { fleet_id: world.stranger, roles: ['VIEWER'] }))).toBe(false)
  expect(await isTrusted(await sign(server, { fleet_id: world.partner, roles: ['VIEWER'] }))).toBe(true)
})

it('reaches gateways, whose tokens are of no fleet', async () => {
  const gateway = await sign(server, { roles: ['GATEWAY'], sub: 'gateway 7', iat: Math.floor(Date.now() / 1000) })
  await revoke({ subject: 'gateway 7' })
  await untilRefused(gateway, second)
  expect(await isTrusted(world.as.admin)).toBe(true)
})

it('is for ADMIN, names a wrong input, and knows its fleets', async () => {
  const { errors } = await post(server.url, world.as.partner, REVOKE, { input: { fleetId: world.partner } })
  expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  expect(await revoke({ fleetId: 'NONE' })).toMatchObject({ code: 'FLEET_NOT_FOUND' })
  expect(await revoke({ fleetId: 'A\0' })).toMatchObject({ code: 'FLEET_NOT_FOUND' })
  expect(await revoke({ subject: 'x'.repeat(201) })).toMatchObject({ code: 'INVALID_INPUT', path: ['subject'] })
  expect(await revoke({ subject: 'x\0' })).toMatchObject({ code: 'INVALID_INPUT', path: ['subject'] })
  expect(await isTrusted(world.as.partner)).toBe(true)
})

it('of a whole fleet stands for those of its subjects, whose rows are removed', async () => {
  const { prisma } = server.app
  const claims = { fleet_id: world.partner, roles: ['VIEWER'], iat: Math.floor(Date.now() / 1000) - 10 }
  const carl = await sign(server, { ...claims, sub: 'Carl' })
  await revoke({ fleetId: world.partner, subject: 'Carl' })
  await revoke({ fleetId: world.partner, subject: 'Dora' })
  await untilRefused(carl, second)
  await revoke({ fleetId: world.partner })
  expect(await prisma.revocation.findMany({ where: { fleetId: world.partner } })).toMatchObject([{ subject: null }])
  for (const on of [server, second]) expect(await isTrusted(carl, on)).toBe(false)
})

it('is noticed also where the database was set back, and has given its version to another', async () => {
  const { prisma } = server.app
  const third = await startSecond(server)
  onTestFinished(third.close)
  const claims = { roles: ['GATEWAY'], iat: Math.floor(Date.now() / 1000) - 10 }
  const [eve, finn] = [await sign(server, { ...claims, sub: 'Eve' }), await sign(server, { ...claims, sub: 'Finn' })]
  await revoke({ subject: 'Eve' })
  await untilRefused(eve, third)
  const last = await prisma.revocation.findFirstOrThrow({ orderBy: { version: 'desc' } })
  await prisma.$transaction([
    prisma.revocation.delete({ where: { id: last.id } }),
    prisma.$executeRaw`SELECT setval('revocation_version_seq', ${last.version}, FALSE)`,
    prisma.$executeRaw`INSERT INTO revocation (id, subject, until) VALUES (${last.id}, 'Finn', clock_timestamp())`,
  ])
  const { version } = await prisma.revocation.findFirstOrThrow({ orderBy: { version: 'desc' } })
  expect(version).toBe(last.version)
  await untilRefused(finn, third)
})

it('is removed once no token can be so old, where the age of tokens is limited', async () => {
  const { prisma } = server.app
  const { fleet } = await run(server.url, world.as.admin, 'createFleet', { name: 'Aged' })
  const limited = await startSecond(server, { env: { AUTH_MAX_TOKEN_DAYS: '2' } })
  onTestFinished(limited.close)
  const now = Math.floor(Date.now() / 1000)
  const day = 24 * 60 * 60
  const claims = { fleet_id: fleet.id as string, roles: ['VIEWER'], sub: 'Gus', exp: now + 9 * day }
  const young = await sign(server, { ...claims, iat: now - day })
  const [old, undated] = [await sign(server, { ...claims, iat: now - 3 * day }), await sign(server, claims)]
  expect(await Promise.all([old, undated].map((token) => isTrusted(token)))).toEqual([true, true])
  expect(await Promise.all([old, undated].map((token) => isTrusted(token, limited)))).toEqual([false, false])
  const { data } = await post(limited.url, young, VIEWER)
  expect(Date.parse(data.viewer.tokenExpiresAt)).toBe((now + day) * 1000)

  await revoke({ fleetId: fleet.id, subject: 'Gus' })
  await revoke({ fleetId: fleet.id, subject: 'Hal' })
  const at = new Date(Date.now() - 3 * day * 1000)
  await prisma.revocation.updateMany({ where: { subject: 'Hal' }, data: { until: at } })
  await limited.app.prisma.revocation.forget(2 * day * 1000)
  expect(await prisma.revocation.findMany({ where: { fleetId: fleet.id } })).toMatchObject([{ subject: 'Gus' }])
})
