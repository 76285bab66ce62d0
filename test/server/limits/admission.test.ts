import { getOperationAST, parse } from 'graphql'
import type { ExecutionResult } from 'graphql'
import { expect, it } from 'vitest'
import type { Viewer } from '../../../src/domain/access/viewer.ts'
import { VEHICLE_EVENT_TYPES } from '../../../src/domain/log/event.ts'
import {
  EventHistoryQuery,
  VehicleDetailsQuery,
  VehiclesQuery,
  ViewerQuery,
} from '../../../src/console/api/documents.ts'
import { createAdmission } from '../../../src/server/limits/admission.ts'
import { queryCostOf } from '../../../src/server/limits/query-cost.ts'

const viewerOf = (tokenId: string): Viewer => ({
  kind: 'GATEWAY',
  fleetId: null,
  roles: ['GATEWAY'],
  expiresAt: Infinity,
  issuedAt: null,
  subject: null,
  tokenId,
})
const viewer = viewerOf('one')

function costOf(text: string) {
  const document = parse(text)
  const operation = getOperationAST(document)
  if (!operation) throw new Error('there is one operation')
  return queryCostOf(document, operation)
}

/** 11 points, of which an answer with n vehicles has 1 + n. */
const PAGE = costOf('{ vehicles(first: 10) { nodes { id } } }')
const answerWith = (vehicles: number): ExecutionResult => ({
  data: { vehicles: { nodes: Array.from({ length: vehicles }, () => ({ id: 'x' })) } },
})

/** An admission that gives next to nothing back by time. */
const admissionOf = (burst: number) => createAdmission({ rateLimit: { perSecond: 1e-9, burst }, operationsAtOnce: 200 })

it('operations under way hold their whole cost, and give the difference back once each', () => {
  const { admit, settle } = admissionOf(35)
  const begin = () => admit(viewer, PAGE, {})?.extensions['code'] ?? null
  const end = (vehicles: number) => settle(viewer, PAGE, {}, undefined, answerWith(vehicles))
  // Three of eleven fit into 35, whatever their answers will hold.
  expect([begin(), begin(), begin(), begin()]).toEqual([null, null, null, 'RATE_LIMITED'])
  expect(end(3)).toMatchObject({
    requestedQueryCost: 11,
    actualQueryCost: 4,
    throttleStatus: { maximumAvailable: 35, currentlyAvailable: 35 - 22 - 4 },
  })
  expect(begin()).toEqual('RATE_LIMITED')
  expect(end(0)).toMatchObject({ actualQueryCost: 2, throttleStatus: { currentlyAvailable: 35 - 11 - 4 - 2 } })
  expect(begin()).toBeNull()
  end(10)
  expect(end(10)?.throttleStatus?.currentlyAvailable).toBe(35 - 4 - 2 - 11 - 11)
  expect(begin()).toEqual('RATE_LIMITED')
  expect(admit(viewerOf('another'), PAGE, {})).toBeNull()
})

it.each([
  ['an answer with errors', { ...answerWith(0), errors: [] as never[] }],
  ['no answer', {}],
  ['more than was requested', answerWith(50)],
])('nothing is given back for %s', (_what, answer) => {
  const { admit, settle } = admissionOf(20)
  expect(admit(viewer, PAGE, {})).toBeNull()
  const cost = settle(viewer, PAGE, {}, undefined, answer)
  expect(cost).toMatchObject({ actualQueryCost: 11, throttleStatus: { currentlyAvailable: 9 } })
})

it('never more than the burst is there: what time has given back is not given twice', () => {
  const { admit, settle, undo } = createAdmission({
    rateLimit: { perSecond: 1e9, burst: 20 },
    operationsAtOnce: 200,
  })
  for (let time = 0; time < 3; time++) {
    expect(admit(viewer, PAGE, {})).toBeNull()
    expect(settle(viewer, PAGE, {}, undefined, answerWith(0))?.throttleStatus?.currentlyAvailable).toBe(20)
    undo(viewer, PAGE, {})
  }
  expect(settle(viewer, PAGE, {}, undefined, answerWith(0))?.throttleStatus?.currentlyAvailable).toBe(20)
})

it('each query of the console fits into the points of 20 seconds at 100 a second', () => {
  const points = [ViewerQuery, VehiclesQuery, VehicleDetailsQuery, EventHistoryQuery].map((document) => {
    const operation = getOperationAST(document)
    if (!operation) throw new Error('there is one operation')
    const types = VEHICLE_EVENT_TYPES.filter((type) => type !== 'STATE_RECORDED')
    return queryCostOf(document, operation).points({ types })
  })
  expect(Math.min(...points)).toBeGreaterThan(100)
  expect(Math.max(...points)).toBeLessThanOrEqual(20 * 100)
})
