import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ROLES } from '../domain/fleet.ts'
import type { Role } from '../domain/fleet.ts'
import { knownRoles } from '../domain/access/viewer.ts'
import { developmentToken } from '../server/auth/keys.ts'
import { readSettings, urlOf } from '../settings.ts'
import type { Settings } from '../settings.ts'
import { callOf, callWithOptions } from './run.ts'

const HELP = `Prints an access token of the development issuer, for a server that runs without AUTH_*.

  ${callWithOptions('token')} --fleet 78LMK --role manager
  ${callWithOptions('token')} --role admin

  --fleet ID      the fleet it speaks for; none for admin and gateway
  --role NAME     ${ROLES.map((role) => role.toLowerCase()).join(', ')}; may be repeated
  --expires-in S  how long it lasts, in seconds; 12 hours if absent
  --help          this text`

/** @throws for what a server would refuse everything to */
function checkClaims(fleetId: string | null, roles: readonly Role[]): void {
  const platform = roles.find((role) => role === 'ADMIN' || role === 'GATEWAY')?.toLowerCase()
  if (roles.length === 0) throw new Error('--role is missing')
  if (platform === undefined && !fleetId) throw new Error(`--role ${roles[0]?.toLowerCase()} needs a --fleet`)
  if (platform === undefined) return
  if (fleetId !== null) throw new Error(`--role ${platform} takes no --fleet`)
  if (new Set(roles).size > 1) throw new Error(`--role ${platform} goes with no other role`)
}

/** How long the server may take to say whether it trusts the token. Milliseconds. */
const ANSWER_MS = 2_000

/**
 * Asks the server on HOST and PORT, unless a server has the database of this DATA_DIR open, wherever that one listens.
 * @returns a line that says so where that server does not trust the token; null also where there is none
 */
async function mistrustOf(settings: Settings, token: string): Promise<string | null> {
  if (existsSync(join(settings.dataDir, 'postgres.pid'))) return null
  const url = urlOf(settings)
  const asked = await fetch(`${url}/graphql?query={viewer{roles}}`, {
    headers: { Accept: 'application/json', Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch(() => null)
  if (asked?.status !== 401) return null
  return `The server on ${url} does not trust this token: it was started with another DATA_DIR than ${resolve(settings.dataDir)}, or trusts an identity provider.`
}

try {
  const { values } = parseArgs({
    options: {
      fleet: { type: 'string' },
      role: { type: 'string', multiple: true, default: [] },
      'expires-in': { type: 'string', default: String(12 * 60 * 60) },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
  } else {
    const settings = readSettings(process.env)
    const seconds = Number(values['expires-in'])
    const unknown = values.role.find((role) => knownRoles([role]).length === 0)
    if (settings.provider) throw new Error('AUTH_* is set: the identity provider makes the tokens')
    if (unknown !== undefined) throw new Error(`--role ${unknown} is not a role`)
    if (!Number.isSafeInteger(seconds) || seconds <= 0) throw new Error('--expires-in takes a number of seconds')
    checkClaims(values.fleet ?? null, knownRoles(values.role))
    const token = await developmentToken(settings, values.fleet ?? null, values.role, seconds)
    console.log(token)
    const warning = await mistrustOf(settings, token)
    if (warning) console.error(warning)
  }
} catch (error) {
  console.error(`${callOf('token')}: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`)
  process.exitCode = 1
}
