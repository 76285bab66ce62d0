import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, inject, it, onTestFinished } from 'vitest'
import { newPostgresDatabase } from '../../support/databases.ts'

const ROOT = join(import.meta.dirname, '../../..')
const COPIED = ['package.json', 'src', 'prisma', '.config', 'test/support', 'test/data/tables']
const run = promisify(execFile)

/** The project in a folder of its own, which is removed with the test. */
async function copyOfSource(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-column-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const name of COPIED) await cp(join(ROOT, name), join(folder, name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** Adds a line behind one that is there once. */
async function addLine(file: string, after: string, line: string): Promise<void> {
  const parts = (await readFile(file, 'utf8')).split(`\n${after}\n`)
  expect(parts).toHaveLength(2)
  await writeFile(file, parts.join(`\n${after}\n${line}\n`))
}

it('a new column is its migration and two lines: every statement reads and writes it', async () => {
  const folder = await copyOfSource()
  const migration = join(folder, 'prisma/migrations/99990101000000_note')
  await mkdir(migration)
  await writeFile(join(migration, 'migration.sql'), 'ALTER TABLE "sharing" ADD COLUMN "note" TEXT;\n')

  await addLine(
    join(folder, 'prisma/schema.prisma'),
    '  endRequestedBy  String?   @map("end_requested_by")',
    '  note String?',
  )
  await addLine(
    join(folder, 'src/data/tables/sharing.ts'),
    "  endRequestedBy: nullable('word', 'end_requested_by'),",
    "  note: nullable('text', 'note'),",
  )

  const prisma = join(ROOT, 'node_modules/prisma/build/index.js')
  await run(process.execPath, [prisma, 'generate', '--config', '.config/prisma.ts'], { cwd: folder })
  const url = await newPostgresDatabase(inject('postgresUrl'))
  const { stdout } = await run(process.execPath, ['test/data/tables/carried.ts', url], { cwd: folder })
  const ways = ['vehicle', 'snapshot', 'stored', 'page', 'ofVehicle', 'loader', 'verified']
  const everywhere = (note: string) => Object.fromEntries(ways.map((way) => [way, note]))
  expect(JSON.parse(stdout)).toEqual({ inserted: everywhere('first'), updated: everywhere('second') })
})
