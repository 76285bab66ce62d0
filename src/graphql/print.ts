import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { printSchema } from 'graphql'
import { schema } from './schema.ts'

export const SCHEMA_FILE = join(import.meta.dirname, '../../schema.graphql')

/** The schema as it is checked in and as clients generate code from it. */
export const printedSchema = (): string => `${printSchema(schema)}\n`

if (import.meta.main) await writeFile(SCHEMA_FILE, printedSchema())
