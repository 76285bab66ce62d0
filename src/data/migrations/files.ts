import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../../../prisma/migrations')

/** The first line of a script whose statements cannot run inside of a transaction, such as CREATE INDEX CONCURRENTLY. */
const NO_TRANSACTION = /^-- migrate: no transaction\r?\n/

export type Migration = {
  /** The name of its folder, which begins with an instant: their order is the order of the migrations. */
  readonly name: string
  readonly script: string
  readonly isTransactional: boolean
}

/** Migrations in the order in which they are applied. */
export async function readMigrations(folder = FOLDER): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  return Promise.all(
    names.toSorted().map(async (name) => {
      const script = await readFile(join(folder, name, 'migration.sql'), 'utf8')
      return { name, script, isTransactional: !NO_TRANSACTION.test(script) }
    }),
  )
}

/** SHA-256 of the script in hexadecimal, as `prisma migrate deploy` writes it. */
export const checksumOf = ({ script }: Migration): string => sha256(script)

/** Whether a checksum is the script's, whatever line ends the script had where it was applied. */
export function isChecksumOf(checksum: string, { script }: Migration): boolean {
  const unix = script.replaceAll('\r\n', '\n')
  return [script, unix, unix.replaceAll('\n', '\r\n')].some((text) => sha256(text) === checksum)
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
