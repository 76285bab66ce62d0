import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRemoteJWKSet, customFetch, errors, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'
import type { JWK, JWTVerifyGetKey } from 'jose'
import { makeFolder } from '../../folder.ts'
import { SettingsError } from '../../settings.ts'
import type { Provider, Settings } from '../../settings.ts'
import { AuthenticationError } from './authenticate.ts'
import type { TokenRules } from './authenticate.ts'

/** The time in which a key set that was read is in use at the latest. Milliseconds. */
const SET_IN_PLACE_MS = 100
/**
 * The interval of the refresh. With the cooldown below it keeps a removed key trusted for 50 s at most, also if the set was
 * fetched for an unknown key id just before the removal. Milliseconds.
 */
const REFRESH_MS = 20_000
/** The shortest interval between two fetches of the set, successful or not. Milliseconds. */
const COOLDOWN_MS = 30_000
/** The same while there are no keys at all, and therefore no trusted tokens. Milliseconds. */
const FIRST_COOLDOWN_MS = 1_000

/** The set was fetched just now, and is not fetched again so soon. */
class TooSoonError extends Error {}

export type Keys = { readonly rules: TokenRules; readonly stop: () => void }

/**
 * A provider's keys: fetched when first needed, refreshed in the background and when a token names an unknown one, each at
 * most every 30 s. When the provider is down the known keys go on serving.
 * @param onFailure called when the keys could not be fetched
 */
export function providerKeys(
  provider: Provider,
  settings: Settings,
  onFailure: (error: unknown) => void = () => {},
): Keys {
  let lastTry = -Infinity
  let generation = 0
  const renew = () => {
    generation++
    setTimeout(() => generation++, SET_IN_PLACE_MS).unref()
  }
  let latest = ''
  const fetchSparingly: typeof fetch = async (...args) => {
    const cooldown = keys.jwks() === undefined ? FIRST_COOLDOWN_MS : COOLDOWN_MS
    if (performance.now() - lastTry < cooldown) throw new TooSoonError()
    lastTry = performance.now()
    const { ok, status, headers, body } = await fetch(...args)
    const text = body ? await new Response(body).text() : ''
    // Counted once for tokens verified before, and once more for tokens verified until the new set is in use.
    if (ok && text !== latest) renew()
    if (ok) latest = text
    return new Response(text, { status, headers })
  }
  const keys = createRemoteJWKSet(provider.jwksUrl, {
    cacheMaxAge: Infinity,
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: 5_000,
    [customFetch]: fetchSparingly,
  })
  const failed = (error: unknown) => {
    if (!(error instanceof TooSoonError)) onFailure(error)
  }
  const getKey: JWTVerifyGetKey = async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error
      failed(error)
      // The set could not be fetched. If there is one, the token names a key that is not in it.
      if (keys.jwks() !== undefined) throw new errors.JWKSNoMatchingKey(undefined, { cause: error })
      throw new AuthenticationError('UNAVAILABLE', "The identity provider's keys cannot be had at the moment.", error)
    }
  }
  const timer = setInterval(() => void keys.reload().catch(failed), REFRESH_MS).unref()
  const { issuer, audience } = provider
  const rules = { getKey, generation: () => generation, issuer, audience, ...claimRules(settings) }
  return { rules, stop: () => clearInterval(timer) }
}

const DEVELOPMENT = { issuer: 'fleetshare-development', audience: 'fleetshare' }
const ALGORITHM = 'ES256'

/** The key of the server's own development issuer, made at first need and readable by its owner alone. */
export async function developmentKeys(settings: Settings): Promise<Keys> {
  const { d: _private, ...publicKey } = await developmentKey(settings.dataDir)
  const key = await importJWK(publicKey, ALGORITHM)
  return {
    rules: { getKey: async () => key, generation: () => 0, ...DEVELOPMENT, ...claimRules(settings) },
    stop: () => {},
  }
}

/** @param lifetime in seconds */
export async function developmentToken(
  settings: Settings,
  fleetId: string | null,
  roles: readonly string[],
  lifetime: number,
): Promise<string> {
  const key = await importJWK(await developmentKey(settings.dataDir), ALGORITHM)
  return new SignJWT({
    ...(fleetId === null ? {} : { [settings.fleetClaim]: fleetId }),
    [settings.rolesClaim]: [...roles],
  })
    .setProtectedHeader({ alg: ALGORITHM })
    .setIssuer(DEVELOPMENT.issuer)
    .setAudience(DEVELOPMENT.audience)
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1000) + lifetime)
    .sign(key)
}

async function developmentKey(dataDir: string): Promise<JWK> {
  const file = join(dataDir, 'development-key.json')
  try {
    return await readKey(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  await makeFolder(dataDir)
  try {
    await writeFile(file, JSON.stringify(await exportJWK(privateKey)), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    // Another process, such as `npm run token`, was first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readKey(file)
}

/** The time that another process may take to write the key into its file, and the pause between two looks. Milliseconds. */
const WRITTEN_WITHIN_MS = 1_000
const LOOK_AGAIN_MS = 20

/** @throws SettingsError where the file holds no key, such as an empty one that a full disk has left behind */
async function readKey(file: string): Promise<JWK> {
  for (const began = performance.now(); ; await sleep(LOOK_AGAIN_MS)) {
    const text = await readFile(file, 'utf8')
    try {
      const key = JSON.parse(text) as JWK
      await importJWK(key, ALGORITHM)
      return key
    } catch (cause) {
      if (performance.now() - began < WRITTEN_WITHIN_MS) continue
      const remedy = 'remove it, and a new one is made'
      throw new SettingsError(`DATA_DIR has a file without a key, ${file}: ${remedy}`, { cause })
    }
  }
}

const claimRules = ({ fleetClaim, rolesClaim, maxTokenAgeMs }: Settings) => ({ fleetClaim, rolesClaim, maxTokenAgeMs })
