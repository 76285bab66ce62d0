import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { readMigrations } from '../../../src/data/migrations/files.ts'
import { splitStatements } from '../../../src/data/migrations/split-statements.ts'
import { newPostgresDatabase } from '../../support/databases.ts'

const FOLDER = join(import.meta.dirname, '../../../prisma/functions')

/** Functions of the schema by their signature, without those of extensions. */
const FUNCTIONS = `SELECT oid::regprocedure::text AS signature, proname AS name, pg_get_functiondef(oid) AS definition,
  COALESCE(proconfig::text, '') AS settings
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
  ORDER BY 1`

type Found = {
  readonly signature: string
  readonly name: string
  readonly definition: string
  readonly settings: string
}

let client: pg.Client
beforeAll(async () => {
  client = new pg.Client({ connectionString: await newPostgresDatabase(inject('postgresUrl')) })
  await client.connect()
})
afterAll(() => client.end())

const functions = async () => (await client.query<Found>(FUNCTIONS)).rows
const files = await Promise.all(
  (await readdir(FOLDER))
    .filter((file) => file.endsWith('.sql'))
    .map(async (file) => ({
      file,
      name: file.replace(/\.sql$/, ''),
      text: await readFile(join(FOLDER, file), 'utf8'),
    })),
)

/** Neither comments nor the layout make a difference. */
const normalised = (text: string): string =>
  text
    .replaceAll(/--[^\n]*/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()

const definitions = (found: readonly Found[]) =>
  Object.fromEntries(found.map(({ signature, definition }) => [signature, normalised(definition)]))

/** What makes a function, and the function's name with its arguments. */
function creationOf(statement: string): { readonly signature: string; readonly text: string } | null {
  const text = normalised(statement).replace(' SET search_path FROM CURRENT', '').replace('CREATE OR REPLACE', 'CREATE')
  const signature = /^CREATE FUNCTION (.*?\)) (?:RETURNS|LANGUAGE) /.exec(text)?.[1]
  return signature === undefined ? null : { signature, text }
}

it('each function of the database has a file of its name', async () => {
  const known = new Set(files.map(({ name }) => name))
  const missing = (await functions()).filter(({ name }) => !known.has(name))
  expect(
    missing.map(({ signature, name }) => `${signature} is in the database, but not in prisma/functions/${name}.sql`),
  ).toEqual([])
})

it('each function looks up its tables in a schema that does not depend on the session', async () => {
  const found = await functions()
  expect(found.length).toBeGreaterThan(3)
  expect(found.filter(({ settings }) => !settings.includes('search_path=')).map(({ signature }) => signature)).toEqual(
    [],
  )
})

it('the files make the functions that the migrations have made', async () => {
  const before = await functions()
  await client.query('BEGIN')
  await client.query('SET LOCAL search_path = public')
  for (const { text } of files) await client.query(text)
  const after = await functions()
  await client.query('ROLLBACK')
  expect(definitions(after)).toEqual(definitions(before))
})

it.each(files)('$file describes the function first, and has it as the last migration made it', async (one) => {
  expect(one.text).toMatch(/^-- [A-Z].+\n/)
  expect(one.text.split('\n').length).toBeLessThan(300)
  const made = new Map<string, string>()
  for (const { script } of await readMigrations()) {
    for (const creation of splitStatements(script).map(creationOf)) {
      if (creation) made.set(creation.signature, creation.text)
    }
  }
  const statements = splitStatements(one.text)
  expect(statements.length).toBeGreaterThan(0)
  for (const statement of statements) {
    const creation = creationOf(statement)
    expect(creation?.signature).toMatch(new RegExp(`^"?${one.name}"?\\(`))
    expect(creation?.text).toBe(made.get(creation?.signature ?? ''))
  }
})
