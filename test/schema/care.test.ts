import { buildSchema } from 'graphql'
import { describe, expect, it } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { complaints, named } from './care.ts'

describe('the schema', () => {
  it('describes everything, and is named and shaped as the house does it', () => {
    expect([...named(schema)].length).toBeGreaterThan(400)
    expect(complaints(schema)).toEqual([])
  })
})

/** Nothing to complain of, to be spoilt in one place at a time. */
const GOOD = `
  """What there is to read."""
  type Query {
    """The vehicle."""
    vehicle("Which." id: ID!): Vehicle
  }
  """What there is to do."""
  type Mutation {
    """Makes one."""
    addVehicle("The vehicle." input: AddVehicleInput!): AddVehicleResult!
  }
  """A vehicle."""
  type Vehicle {
    """When it came."""
    createdAt: DateTime!
    """What it can do."""
    abilities: [Ability!]!
  }
  """What a vehicle can do."""
  enum Ability { "Drive." DRIVE_ON }
  """An instant."""
  scalar DateTime
  """A new vehicle."""
  input AddVehicleInput { "What the owner calls it." name: String }
  """It is there."""
  type AddVehicleSuccess { "The vehicle." vehicle: Vehicle! }
  """An expected failure."""
  interface UserError { "For people." message: String! }
  """An expected failure with nothing to add."""
  type RequestError implements UserError { "For people." message: String! }
  """AddVehicleSuccess, or why not."""
  union AddVehicleResult = AddVehicleSuccess | RequestError
`

describe('the care finds', () => {
  it.each([
    ['a type without a description', '"""A vehicle."""', '', 'Vehicle is not described'],
    ['a field', '"""When it came."""', '', 'Vehicle.createdAt is not described'],
    ['an argument', '"Which."', '', 'Query.vehicle(id:) is not described'],
    ['an input field', '"What the owner calls it."', '', 'AddVehicleInput.name is not described'],
    ['an enum value', '"Drive."', '', 'Ability.DRIVE_ON is not described'],
    ['a description of nothing', '"Drive."', '" "', 'Ability.DRIVE_ON is not described'],
    ['a note', '"Drive."', '"drive"', 'Ability.DRIVE_ON is not described in sentences: drive'],
    ['a type in small letters', /\bAbility\b/g, 'ability', 'ability is not written as names of its kind are'],
    ['a field in snake case', 'abilities:', 'all_of_it:', 'Vehicle.all_of_it is not written as names of its kind are'],
    ['an enum value in camel case', 'DRIVE_ON', 'driveOn', 'Ability.driveOn is not written as names of its kind are'],
    ['an instant by type', 'createdAt', 'created', 'Vehicle.created is an instant in name or type alone'],
    ['an instant by name', 'DateTime!', 'String!', 'Vehicle.createdAt is an instant in name or type alone'],
    ['a list with holes', '[Ability!]!', '[Ability]!', 'Vehicle.abilities is a list that may hold null'],
    ['loose arguments', 'input: AddVehicleInput!', 'name: String!', 'addVehicle does not take just an input'],
    ['an input that may be left out', 'AddVehicleInput!', 'AddVehicleInput', 'addVehicle does not take just an input'],
    ['an input by another name', /AddVehicleInput/g, 'NewVehicle', 'addVehicle takes an input of another name'],
    ['a bare answer', ': AddVehicleResult', ': Vehicle', 'addVehicle does not answer a union'],
    [
      'a failure that is no UserError',
      'RequestError implements UserError',
      'RequestError',
      'addVehicle does not answer one success, or UserErrors',
    ],
  ])('%s', (_what, good, bad, complaint) => {
    expect(complaints(buildSchema(GOOD))).toEqual([])
    expect(complaints(buildSchema(GOOD.replace(good, bad)))).toEqual([complaint])
  })
})
