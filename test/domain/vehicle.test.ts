import { describe, expect, it } from 'vitest'
import { COMMAND_TYPES } from '../../src/domain/command.ts'
import { InputError } from '../../src/domain/errors.ts'
import { newFleet, partnersOf } from '../../src/domain/fleet.ts'
import { checkText, TEXT_LIMIT } from '../../src/domain/text.ts'
import { UNKNOWN_STATE } from '../../src/domain/state.ts'
import { editVehicle, newVehicle } from '../../src/domain/vehicle.ts'
import type { VehiclePatch } from '../../src/domain/vehicle.ts'
import { aVehicle } from '../support/sharings.ts'

/** Where the input is wrong, or null if it is not. Every refusal of a text or an id is INVALID_INPUT. */
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
    ['as much as fits', 'x'.repeat(TEXT_LIMIT), true],
    ['one character more', 'x'.repeat(TEXT_LIMIT + 1), false],
    ['as many characters of two units each', CAR.repeat(TEXT_LIMIT), true],
    ['one of these more', CAR.repeat(TEXT_LIMIT + 1), false],
    ['a full text of mixed widths', `${CAR.repeat(100)}${'x'.repeat(100)}`, true],
    ['the same and one more', `${CAR.repeat(100)}${'x'.repeat(101)}`, false],
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

  it('has nothing but all commands at first', () => {
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
    })
  })

  it.each<[string, VehiclePatch, object]>([
    ['nothing', {}, {}],
    ['nothing by name', { name: undefined, supportedCommands: undefined }, {}],
    ['one text', { name: 'Twingo' }, { name: 'Twingo' }],
    ['an empty text', { name: '' }, { name: '' }],
    ['a text away', { name: null }, { name: null }],
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

  it.each(['name', 'licensePlate', 'vin', 'brand', 'model'])('names the field that is wrong: %s', (field) => {
    expect(wrongAt(() => editVehicle(zoe, { [field]: 'x'.repeat(201) }))).toEqual([field])
    expect(wrongAt(() => newVehicle('id', 'fleet', { [field]: '\0' }))).toEqual([field])
  })

  it('keeps its id and its owner whatever a patch carries', () => {
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
  ])('is a partner of one other: %j', (ids, pair) => {
    if (pair === null) expect(wrongAt(() => partnersOf(ids))).toEqual(['fleetIds'])
    else expect(partnersOf(ids)).toEqual(pair)
  })
})
