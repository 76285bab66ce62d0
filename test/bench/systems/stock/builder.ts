import { setMaxListeners } from 'node:events'
import SchemaBuilder from '@pothos/core'
import PrismaPlugin from '@pothos/plugin-prisma'
import { PrismaPg } from '@prisma/adapter-pg'
import { createPubSub } from 'graphql-yoga'
import { PrismaClient } from '../../../../src/generated/prisma/client.ts'
import type * as row from '../../../../src/generated/prisma/client.ts'
import type { Prisma } from '../../../../src/generated/prisma/client.ts'
import type { Viewer } from '../viewer.ts'

/** Prisma with its adapter, and Pothos with its plugin, set up as their documentation shows. */

export const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env['DATABASE_URL'] ?? '', max: 10 }),
  // Its own limits, 2 s and 5 s, are for less load than it is under here.
  transactionOptions: { maxWait: 10_000, timeout: 15_000 },
})

// Each subscription is a listener.
setMaxListeners(0)

/** By the fleet that an event belongs to. */
export const pubSub = createPubSub<{ events: [fleetId: string, event: row.Event] }>()

export type Context = { readonly viewer: Viewer }

type Model<Name extends string, Shape, Rest> = {
  Name: Name
  Shape: Shape
  OrderBy: unknown
  Create: object
  Update: object
  ListRelations: string
} & Rest

type Related<Shape, Name extends string> = { Shape: Shape; Name: Name; Nullable: false }

/** What Pothos' generator would write, as far as it is used. */
type PrismaTypes = {
  Fleet: Model<
    'Fleet',
    row.Fleet,
    {
      Include: Prisma.FleetInclude
      Select: Prisma.FleetSelect
      Where: Prisma.FleetWhereInput
      WhereUnique: Prisma.FleetWhereUniqueInput
      RelationName: never
      Relations: object
    }
  >
  Vehicle: Model<
    'Vehicle',
    row.Vehicle,
    {
      Include: Prisma.VehicleInclude
      Select: Prisma.VehicleSelect
      Where: Prisma.VehicleWhereInput
      WhereUnique: Prisma.VehicleWhereUniqueInput
      RelationName: 'owner' | 'sharings'
      Relations: { owner: Related<row.Fleet, 'Fleet'>; sharings: Related<row.Sharing[], 'Sharing'> }
    }
  >
  Sharing: Model<
    'Sharing',
    row.Sharing,
    {
      Include: Prisma.SharingInclude
      Select: Prisma.SharingSelect
      Where: Prisma.SharingWhereInput
      WhereUnique: Prisma.SharingWhereUniqueInput
      RelationName: 'partner'
      Relations: { partner: Related<row.Fleet, 'Fleet'> }
    }
  >
}

const field = { isRequired: true, isList: false, hasDefaultValue: false, isUnique: false, isId: false }

const relation = (name: string, type: string, isList: boolean, relationName: string) => ({
  ...field,
  name,
  type,
  kind: 'object',
  isList,
  relationName,
})

const model = (...relations: ReturnType<typeof relation>[]) => ({
  fields: [{ ...field, name: 'id', type: 'String', kind: 'scalar', isId: true }, ...relations],
  primaryKey: null,
  uniqueIndexes: [],
})

/** The same once more at run time. */
const DATAMODEL = {
  models: {
    Fleet: model(),
    Vehicle: model(
      relation('owner', 'Fleet', false, 'FleetToVehicle'),
      relation('sharings', 'Sharing', true, 'SharingToVehicle'),
    ),
    Sharing: model(relation('partner', 'Fleet', false, 'partner')),
  },
}

export const builder = new SchemaBuilder<{
  Context: Context
  PrismaTypes: PrismaTypes
  DefaultFieldNullability: false
  Scalars: { ID: { Input: string; Output: string }; DateTime: { Input: Date; Output: Date } }
}>({
  plugins: [PrismaPlugin],
  defaultFieldNullability: false,
  prisma: { client: prisma, dmmf: { datamodel: DATAMODEL } },
})

builder.scalarType('DateTime', {
  serialize: (at) => at.toISOString(),
  parseValue: (text) => new Date(String(text)),
})
