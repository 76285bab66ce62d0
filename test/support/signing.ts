import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { importJWK, SignJWT } from 'jose'
import type { JWK } from 'jose'
import type { TestServer } from './server.ts'

/** A token as the development issuer would sign it, with other claims. */
export async function sign({ settings }: TestServer, claims: Readonly<Record<string, unknown>>): Promise<string> {
  const file = join(settings.dataDir, 'development-key.json')
  const key = await importJWK(JSON.parse(await readFile(file, 'utf8')) as JWK, 'ES256')
  const standard = { iss: 'fleetshare-development', aud: 'fleetshare', exp: Math.floor(Date.now() / 1000) + 600 }
  return new SignJWT({ ...standard, ...claims }).setProtectedHeader({ alg: 'ES256' }).sign(key)
}
