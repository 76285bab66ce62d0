import { describe, expect, it } from 'vitest'
import { ask, mutations } from '../support/api.ts'
import { reportAt } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { sendOver, TRANSPORTS } from '../support/transports.ts'
import { iso, makeWorld } from '../support/world.ts'

const RESULT = '{ ... on ReportVehicleStatesSuccess { recorded skipped rejected { index code message } } }'
const OF_INPUT = `mutation ($input: ReportVehicleStatesInput!) { reportVehicleStates(input: $input) ${RESULT} }`
const OF_LIST = `mutation ($reports: [VehicleStateReport!]!) { reportVehicleStates(input: { reports: $reports }) ${RESULT} }`
const OF_ONE = `mutation ($at: DateTime!, $report: VehicleStateReport!) { reportVehicleStates(input: { reports: [
  { vehicleId: "UNKNOWN", messageId: "m", occurredAt: $at, speedKmh: 1 }, $report] }) ${RESULT} }`
const literal = (id: string, wrong: string) => `mutation { reportVehicleStates(input: { reports: [
  { vehicleId: "${id}", messageId: "a", occurredAt: "${iso(Date.now())}", speedKmh: 1 }
  { vehicleId: "${id}", messageId: "b", occurredAt: "${wrong}", speedKmh: 1 }] }) ${RESULT} }`

const WRONG = ['1969-12-31T23:59:59Z', '0000-01-01T00:00:00Z', '2016-12-31T23:59:60Z', '10000-01-01T00:00:00Z', 'x']
const rejected = (index: number) => ({
  index,
  code: 'INVALID_INPUT',
  message: expect.stringMatching(/^occurredAt is not an instant: /) as string,
})

describe.each(DATABASE_KINDS)('on %s', async (database) => {
  const server = await serverForAll({ announce: false, database })
  const world = await makeWorld(server)
  const gateway = await server.token(null, 'gateway')

  describe.each(
    TRANSPORTS.filter((transport) => transport === 'POST' || transport === 'POST again' || transport === 'WebSocket'),
  )('over %s', (transport) => {
    const send = (params: { query: string; variables?: object }) => sendOver(transport)(server.url, gateway, params)

    it.each(WRONG)(
      'an instant that is none costs its report alone, in variables and as a literal: %s',
      async (wrong) => {
        const id = await world.newVehicle()
        const reports = (at: number) => [
          { ...reportAt(id, 'a', at, { speedKmh: 1 }), occurredAt: wrong },
          reportAt(id, 'b', at, { speedKmh: 1 }),
          { ...reportAt(id, 'c', at, { speedKmh: 1 }), occurredAt: wrong },
        ]
        const outcome = { recorded: transport === 'POST again' ? 0 : 1, skipped: transport === 'POST again' ? 1 : 0 }
        const both = { reportVehicleStates: { ...outcome, rejected: [rejected(0), rejected(2)] } }
        expect(await send({ query: OF_INPUT, variables: { input: { reports: reports(Date.now()) } } })).toMatchObject({
          errors: undefined,
          data: both,
        })
        expect(await send({ query: OF_LIST, variables: { reports: reports(Date.now()) } })).toMatchObject({
          errors: undefined,
          data: { reportVehicleStates: { recorded: 0, skipped: 1, rejected: [rejected(0), rejected(2)] } },
        })
        const other = await world.newVehicle()
        expect(await send({ query: literal(other, wrong) })).toMatchObject({
          errors: undefined,
          data: { reportVehicleStates: { ...outcome, rejected: [rejected(1)] } },
        })
      },
    )

    it('a known message is skipped, also with other content', async () => {
      const id = await world.newVehicle()
      const report = reportAt(id, 'm', Date.now(), { speedKmh: 1 })
      await ask(server.url, gateway, OF_LIST, { reports: [report] })
      const { data } = await send({ query: OF_LIST, variables: { reports: [{ ...report, occurredAt: 'x' }] } })
      expect(data.reportVehicleStates).toEqual({ recorded: 0, skipped: 1, rejected: [] })
    })

    it('a variable of type DateTime fits, and is checked as a DateTime', async () => {
      const id = await world.newVehicle()
      const report = { ...reportAt(id, 'm', 0, { speedKmh: 1 }), occurredAt: 'x' }
      const { data, errors } = await send({ query: OF_ONE, variables: { at: '2022-01-01T13:00+01', report } })
      expect(errors).toBeUndefined()
      expect(data.reportVehicleStates.rejected).toMatchObject([{ index: 0, code: 'VEHICLE_NOT_FOUND' }, rejected(1)])
      const strict = await send({ query: OF_ONE, variables: { at: 'x', report } })
      expect(strict.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
      expect(strict.errors?.[0]?.message).toContain('$at')
    })

    it.each([7, null, {}, [], true])('a value of another type is refused as a whole: %j', async (occurredAt) => {
      const report = { ...reportAt('UNKNOWN', 'm', 0, { speedKmh: 1 }), occurredAt }
      const { errors } = await send({ query: OF_LIST, variables: { reports: [report] } })
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    })

    it.each(WRONG)('nowhere else is it taken: %s', async (wrong) => {
      const input = { vehicleId: await world.newVehicle(), fleetId: world.partner, endsAt: wrong }
      const variables = { input }
      const { data, errors } = await sendOver(transport)(server.url, world.as.owner, {
        query: mutations.startSharing,
        variables,
      })
      expect(data ?? null).toBeNull()
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
      expect(errors?.[0]?.message).toMatch(/not "[^"]*": (it|there) /)
    })
  })
})
