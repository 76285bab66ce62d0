import { describe, expect, it } from 'vitest'
import { COMMAND_TYPES } from '../../src/domain/command.ts'
import { InputError } from '../../src/domain/errors.ts'
import { newFleet, partnersOf } from '../../src/domain/fleet.ts'
import { checkText, TEXT_LIMIT } from '../../src/domain/text.ts'
import { UNKNOWN_STATE } from '../../src/domain/state.ts'
import { editVehicle, newVehicle } from '../../src/domain/vehicle.ts'
import type { VehiclePatch } from '../../src/domain/vehicle.ts'
import { aVehicle } from '../support/sharings.ts'

/** The path of the error, or null if there is none. Every error about a text or an id has the code INVALID_INPUT. */
function wrongAt(work: () => unknown): readonly string[] | null {
  try {
    work()
    return null
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'INVALID_INPUT') throw error
    return error.path
  }
}

const CAR = '🚗'

describe('a text', () => {
  it.each<[string, text: string, fits: boolean]>([
    ['nothing', '', true],
    ['spaces and line ends, kept as they are', '  a\r\n\tb  ', true],
    ['200 characters', 'x'.repeat(TEXT_LIMIT), true],
    ['201 characters', 'x'.repeat(TEXT_LIMIT + 1), false],
    ['200 characters of two UTF-16 units each', CAR.repeat(TEXT_LIMIT), true],
    ['201 characters of two UTF-16 units each', CAR.repeat(TEXT_LIMIT + 1), false],
    ['200 characters of mixed widths', `${CAR.repeat(100)}${'x'.repeat(100)}`, true],
    ['201 characters of mixed widths', `${CAR.repeat(100)}${'x'.repeat(101)}`, false],
    ['a very long one', 'x'.repeat(1e6), false],
    ['accents in two code points, kept as they are', 'e\u0301', true],
    ['NUL', 'a\0b', false],
    ['other control characters', '\u0001\u007f\u0085', true],
    ['a lone high surrogate', 'a\ud83d', false],
    ['a lone low surrogate', '\ude97a', false],
    ['surrogates in the wrong order', '\ude97\ud83d', false],
    ['markup and quotes', `<b>'";--\\`, true],
  ])('%s', (_, text, fits) => {
    if (fits) expect(checkText(text, ['name'])).toBe(text)
    else expect(wrongAt(() => checkText(text, ['a', 'b']))).toEqual(['a', 'b'])
  })

  it('has at most 200 characters', () => {
    expect(TEXT_LIMIT).toBe(200)
  })
})

describe('a vehicle', () => {
  const zoe = aVehicle({ name: 'Zoe', brand: 'Renault', supportedCommands: ['LOCK_TOP_CASE'] })

  it('has no data but all commands at first', () => {
    expect(newVehicle('id', 'fleet', {})).toEqual({
      id: 'id',
      ownerId: 'fleet',
      name: null,
      licensePlate: null,
      vin: null,
      brand: null,
      model: null,
      supportedCommands: COMMAND_TYPES,
      state: UNKNOWN_STATE,
      lastContactAt: null,
      use: null,
    })
  })

  it.each<[string, VehiclePatch, object]>([
    ['nothing', {}, {}],
    ['nothing, with undefined fields', { name: undefined, supportedCommands: undefined }, {}],
    ['one text', { name: 'Twingo' }, { name: 'Twingo' }],
    ['an empty text', { name: '' }, { name: '' }],
    ['a text to null', { name: null }, { name: null }],
    [
      'every text',
      { name: 'a', licensePlate: 'b', vin: 'c', brand: 'd', model: 'e' },
      {
        name: 'a',
        licensePlate: 'b',
        vin: 'c',
        brand: 'd',
        model: 'e',
      },
    ],
    ['its commands to all', { supportedCommands: null }, { supportedCommands: COMMAND_TYPES }],
    ['its commands to none', { supportedCommands: [] }, { supportedCommands: [] }],
    [
      'its commands in a strange order and twice',
      { supportedCommands: ['DRAW_ATTENTION', 'ENABLE_DRIVING', 'DRAW_ATTENTION'] },
      { supportedCommands: ['ENABLE_DRIVING', 'DRAW_ATTENTION'] },
    ],
  ])('can have %s changed', (_, patch, changed) => {
    expect(editVehicle(zoe, patch)).toEqual({ ...zoe, ...changed })
  })

  it.each(['name', 'licensePlate', 'vin', 'brand', 'model'])('names the wrong field in the error: %s', (field) => {
    expect(wrongAt(() => editVehicle(zoe, { [field]: 'x'.repeat(201) }))).toEqual([field])
    expect(wrongAt(() => newVehicle('id', 'fleet', { [field]: '\0' }))).toEqual([field])
  })

  it('keeps its id and owner, with any patch', () => {
    const patch = { id: 'other', ownerId: 'thief', deletedAt: 1, name: 'x' } as VehiclePatch
    expect(editVehicle(zoe, patch)).toEqual({ ...zoe, name: 'x' })
  })
})

describe('a fleet', () => {
  it.each<[id: string, name: string, wrong: readonly string[] | null]>([
    ['78LMK', 'ShareOne', null],
    ['a', 'x', null],
    ['A_z-9', 'x', null],
    ['x'.repeat(64), 'x', null],
    ['x'.repeat(65), 'x', ['id']],
    ['', 'x', ['id']],
    ['a b', 'x', ['id']],
    ['a\n', 'x', ['id']],
    ['ä', 'x', ['id']],
    ['a/b', 'x', ['id']],
    ['A', '', ['name']],
    ['A', CAR.repeat(200), null],
    ['A', 'x'.repeat(201), ['name']],
    ['A', 'x\0', ['name']],
    ['', '', ['id']],
  ])('with id %j and name %j', (id, name, wrong) => {
    expect(wrongAt(() => newFleet(id, name))).toEqual(wrong)
    if (wrong === null) expect(newFleet(id, name)).toEqual({ id, name })
  })

  it.each<[readonly string[], readonly string[] | null]>([
    [
      ['A', 'B'],
      ['A', 'B'],
    ],
    [
      ['B', 'A'],
      ['A', 'B'],
    ],
    [['A', 'A'], null],
    [['A'], null],
    [[], null],
    [['A', 'B', 'C'], null],
    [['A', 'B', 'A'], null],
  ])('forms a partnership with exactly one other: %j', (ids, pair) => {
    if (pair === null) expect(wrongAt(() => partnersOf(ids))).toEqual(['fleetIds'])
    else expect(partnersOf(ids)).toEqual(pair)
  })
})
