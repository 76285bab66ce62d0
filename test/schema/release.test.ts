import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CriticalityLevel, diff, DiffRule } from '@graphql-inspector/core'
import { buildSchema, isNonNullType } from 'graphql'
import { describe, expect, it } from 'vitest'
import { printedSchema } from '../../src/graphql/print.ts'

/** The schema as clients of the last release know it. At a release schema.graphql is copied over it, and at no other time. */
const RELEASED = await readFile(join(import.meta.dirname, 'released.graphql'), 'utf8')

/** @returns what would break a client: what was deprecated in the last release may go */
async function breaks(released: string, next: string): Promise<string[]> {
  const rules = [DiffRule.suppressRemovalOfDeprecatedField]
  const changes = await diff(buildSchema(released), buildSchema(next), rules)
  return changes
    .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
    .map(({ path }) => path ?? '')
}

/** What the next release breaks on purpose. CHANGELOG.md says so under Unreleased; a release empties the list. */
const BROKEN_ON_PURPOSE = [
  'createFleet',
  'createVehicle',
  'deleteVehicle',
  'endPartnership',
  'endSharing',
  'registerPartnership',
  'reportCommandOutcome',
  'reportVehicleStates',
  'revokeTokens',
  'sendCommand',
  'startSharing',
  'updateSharingEnd',
  'updateVehicle',
].map((field) => `Mutation.${field}`)

it('nothing breaks the clients of the last release that the changelog does not announce', async () => {
  expect((await breaks(RELEASED, printedSchema())).toSorted()).toEqual(BROKEN_ON_PURPOSE)
  const changelog = await readFile(join(import.meta.dirname, '../../CHANGELOG.md'), 'utf8')
  const [, unreleased = ''] = /^## Unreleased$(.*?)^## /ms.exec(changelog) ?? []
  if (BROKEN_ON_PURPOSE.length > 0) expect(unreleased).toContain('### Breaking')
})

it('every field of a mutation may be null, so that its failure hides nothing of the others', () => {
  const fields = Object.values(buildSchema(printedSchema()).getMutationType()?.getFields() ?? {})
  expect(fields.length).toBeGreaterThan(10)
  for (const { name, type } of fields) expect([name, isNonNullType(type)]).toEqual([name, false])
})

describe('a breaking change is', () => {
  it.each([
    ['a field that is gone', '  viewerCan: ', '  may: ', 'Vehicle.viewerCan'],
    ['an answer that may be null', '  allowed: Boolean!', '  allowed: Boolean', 'Permission.allowed'],
    ['an input that has to be given', 'Seconds: Int = 30', 'Seconds: Int!', 'SendCommandInput.timeoutSeconds'],
    ['a value that is gone', '  OUTCOME_UNKNOWN\n', '  LOST\n', 'CommandStatus.OUTCOME_UNKNOWN'],
    [
      'a failure that is gone',
      'DeleteVehicleSuccess | RequestError |',
      'DeleteVehicleSuccess |',
      'DeleteVehicleResult',
    ],
  ])('%s', async (_what, was, becomes, path) => {
    expect(await breaks(RELEASED, RELEASED.replace(was, becomes))).toEqual([path])
  })

  it('not an addition', async () => {
    const next = RELEASED.replace('  viewerCan: ', '  colour: String\n$&')
    expect(await breaks(RELEASED, next)).toEqual([])
  })

  it('not a removal after a release that deprecated it', async () => {
    const deprecated = RELEASED.replace(/ {2}viewerCan: .*/, '$& @deprecated(reason: "See may.")')
    expect(await breaks(RELEASED, deprecated)).toEqual([])
    expect(await breaks(deprecated, deprecated.replace(/ {2}viewerCan: .*/, '  may: Boolean'))).toEqual([])
  })
})
