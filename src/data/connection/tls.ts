import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import { DatabaseStartError } from './start-error.ts'
import type { DatabaseUrl } from './database-url.ts'

/** The setting `ssl` of pg; undefined leaves it to PGSSLMODE. */
export type Encryption = boolean | ConnectionOptions | undefined

/**
 * The ways in which a URL's sslmode lets a connection be encrypted, in the order in which they are tried, as libpq means it:
 * require asks for encryption alone, and checks the certificate only where sslrootcert says by what; verify-full without one
 * trusts the authorities that come with Node.
 * @param variable the setting that the URL stands in
 * @throws DatabaseStartError for files that cannot be read
 */
export async function encryptionsOf(url: DatabaseUrl, variable: string): Promise<Encryption[]> {
  const { sslMode, rootCert, cert, key } = url
  if (sslMode === null && rootCert === null && cert === null && key === null) return [undefined]
  const read = async (name: string, path: string | null) => {
    if (path === null || (name === 'sslrootcert' && path === 'system')) return undefined
    return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new DatabaseStartError(
        `${variable} has ${name}=${path}, which cannot be read (${error.code ?? error.message})`,
      )
    })
  }
  const files = {
    ca: await read('sslrootcert', rootCert),
    cert: await read('sslcert', cert),
    key: await read('sslkey', key),
  }
  const own = Object.fromEntries(Object.entries(files).filter(([, text]) => text !== undefined)) as ConnectionOptions
  const unchecked: ConnectionOptions = { ...own, rejectUnauthorized: false }
  const anyName: ConnectionOptions = { ...own, checkServerIdentity: () => undefined }
  switch (sslMode ?? 'verify-full') {
    case 'disable':
      return [false]
    case 'allow':
      return [false, unchecked]
    case 'prefer':
      return [unchecked, false]
    case 'no-verify':
      return [unchecked]
    case 'require':
      return [files.ca === undefined ? unchecked : anyName]
    case 'verify-ca':
      if (files.ca !== undefined) return [anyName]
      throw new DatabaseStartError(
        `${variable} has sslmode=verify-ca without sslrootcert, the PEM file of the authority`,
      )
    case 'verify-full':
      return [own]
  }
}
