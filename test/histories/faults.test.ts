import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FAULTS } from './faults.ts'

const ROOT = join(import.meta.dirname, '../..')

it('every fault finds the text that it changes', async () => {
  const patches = FAULTS.flatMap(({ name, patches: own }) => own.map((patch) => ({ name, ...patch })))
  const lost = await Promise.all(
    patches.map(async ({ name, file, find }) =>
      (await readFile(join(ROOT, file), 'utf8')).includes(find) ? [] : [`${name}: ${find}`],
    ),
  )
  expect(lost.flat()).toEqual([])
})

const MIGRATIONS = 'prisma/migrations'

/** The functions that a migration defines, with the places of their definitions. */
const definedIn = (migration: string) =>
  [...migration.matchAll(/CREATE (?:OR REPLACE )?FUNCTION "(\w+)"/g)].map(({ 1: name = '', index }) => ({
    name,
    index,
  }))

it('no fault changes a function that a later migration replaces', async () => {
  const read = (folder: string) => readFile(join(ROOT, MIGRATIONS, folder, 'migration.sql'), 'utf8')
  const folders = (await readdir(join(ROOT, MIGRATIONS))).filter((name) => /^\d/.test(name)).toSorted()
  const migrations = await Promise.all(folders.map(async (folder) => ({ folder, text: await read(folder) })))
  const idle = FAULTS.flatMap(({ name, patches }) =>
    patches.flatMap(({ file, find }) => {
      const nth = migrations.findIndex(({ folder }) => file === `${MIGRATIONS}/${folder}/migration.sql`)
      const text = migrations[nth]?.text ?? ''
      const changed = definedIn(text).findLast(({ index }) => index <= text.indexOf(find))
      const later = migrations
        .slice(nth + 1)
        .filter((one) => definedIn(one.text).some((by) => by.name === changed?.name))
      return later.map(({ folder }) => `${name}: ${changed?.name} is that of ${folder}`)
    }),
  )
  expect(idle).toEqual([])
})
