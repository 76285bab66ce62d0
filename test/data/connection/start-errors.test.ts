import { execFileSync } from 'node:child_process'
import { chown, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { sql } from '../../support/databases.ts'
import { freePort } from '../../support/ports.ts'
import { startPostgres, startStandbyOf } from '../../support/postgres.ts'
import { openDatabase } from '../../../src/data/connection/open.ts'
import { DatabaseStartError } from '../../../src/data/connection/start-error.ts'

const ROLE = 'fleetshare'
const postgres = await startPostgres()
const admin = `${postgres.url}/postgres`
const scripts = [
  `CREATE ROLE ${ROLE} LOGIN PASSWORD 'p@ss/w#rd'`,
  `CREATE ROLE nologin PASSWORD 'secret'`,
  `CREATE ROLE guest LOGIN PASSWORD 'secret'`,
  `CREATE ROLE full LOGIN PASSWORD 'secret' CONNECTION LIMIT 0`,
  `CREATE DATABASE lent OWNER ${ROLE}`,
  `CREATE DATABASE private OWNER ${ROLE}`,
  'REVOKE CONNECT ON DATABASE private FROM PUBLIC',
  'CREATE DATABASE closed ALLOW_CONNECTIONS false',
]
for (const script of scripts) await sql(admin, script)
const standby = await startStandbyOf(postgres)
const folder = await mkdtemp(join(tmpdir(), 'fleetshare-tls-'))
const pem = (name: string) => join(folder, name)
const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
openssl(
  'req',
  '-x509',
  '-newkey',
  'rsa:2048',
  '-nodes',
  '-days',
  '2',
  '-subj',
  '/CN=db.example',
  '-addext',
  'subjectAltName=DNS:localhost',
  '-keyout',
  'key.pem',
  '-out',
  'cert.pem',
)
openssl(
  'req',
  '-x509',
  '-newkey',
  'rsa:2048',
  '-nodes',
  '-days',
  '2',
  '-subj',
  '/CN=other',
  '-keyout',
  'other-key.pem',
  '-out',
  'other.pem',
)
const { uid, gid } = await stat(join(postgres.folder, 'cluster'))
execFileSync('cp', [pem('key.pem'), pem('cert.pem'), postgres.folder])
for (const name of ['key.pem', 'cert.pem']) await chown(join(postgres.folder, name), uid, gid)
await sql(admin, `ALTER SYSTEM SET ssl_key_file = '${postgres.folder}/key.pem'`)
await sql(admin, `ALTER SYSTEM SET ssl_cert_file = '${postgres.folder}/cert.pem'`)
await sql(admin, 'ALTER SYSTEM SET ssl = on')
await sql(admin, 'SELECT pg_reload_conf()')
const unused = await freePort()
afterAll(async () => {
  await standby.stop()
  await postgres.stop()
  await rm(folder, { recursive: true })
})

const place = new URL(postgres.url).host
const good = `postgresql://${ROLE}:p%40ss%2Fw%23rd@${place}/lent`
const onLocalhost = good.replace('127.0.0.1', 'localhost')

async function open(databaseUrl: string): Promise<DatabaseStartError | 'open'> {
  try {
    const db = await openDatabase({ databaseUrl, dataDir: '' })
    await db.close()
    return 'open'
  } catch (error) {
    if (error instanceof DatabaseStartError) return error
    throw error
  }
}

it.each<[string, string, RegExp, passes?: boolean]>([
  ['a wrong password', good.replace('p%40', 'p'), /does not take the password of "fleetshare"/],
  ['no password', good.replace(/:p%.*@/, '@'), /asks for a password of "fleetshare"/],
  ['a role that is none', `postgresql://nobody:x@${place}/lent`, /does not take the password of "nobody"/],
  ['a role without LOGIN', `postgresql://nologin:secret@${place}/lent`, /does not let "nologin" in .* LOGIN/],
  ['a role at its limit', `postgresql://full:secret@${place}/lent`, /has no connection left .* CONNECTION LIMIT/, true],
  ['a role without CONNECT', `postgresql://guest:secret@${place}/private`, /denies "guest" a right .*GRANT/],
  [
    'a role that may make no tables',
    `postgresql://guest:secret@${place}/lent`,
    /"guest" may make no tables in the schema "public": GRANT CREATE/,
  ],
  ['no such database', good.replace('/lent', '/nowhere'), /has no database "nowhere": CREATE DATABASE "nowhere"/],
  ['a database that takes no connections', good.replace('/lent', '/closed'), /takes no connections to "closed"/],
  ['nobody who listens', good.replace(place, `127.0.0.1:${unused}`), /nobody listens there \(ECONNREFUSED\)/, true],
  ['a host that is none', good.replace(place, 'db.invalid'), /the host's name is not known/, true],
  ['a socket that is none', `postgresql://${ROLE}@/lent?host=/nowhere`, /no way to that socket \(ENOENT\)/, true],
  ['a standby', `${standby.url}/lent`, /is a standby/],
  [
    'hosts of which one is a standby',
    good.replace(place, `127.0.0.1:${unused},${new URL(standby.url).host}`),
    /nobody listens there.*127.0.0.1:\d+\); is a standby/,
    true,
  ],
  ['a wrong option', `${good}?options=-c%20nonsense=1`, /refuses a setting of the session .*nonsense/],
  [
    'an unknown authority',
    `${onLocalhost}?sslmode=verify-full`,
    /certificate of an unknown authority .*sslrootcert=FILE/,
  ],
  [
    'another authority',
    `${onLocalhost}?sslmode=require&sslrootcert=${pem('other.pem')}`,
    /certificate of an unknown authority/,
  ],
  [
    'a certificate for another host',
    `${good}?sslmode=verify-full&sslrootcert=${pem('cert.pem')}`,
    /certificate for another host name/,
  ],
  [
    'an authority that is no file',
    `${good}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`,
    /has sslrootcert=\/nowhere\/ca.pem, which cannot be read \(ENOENT\)/,
  ],
  ['verify-ca without an authority', `${good}?sslmode=verify-ca`, /sslmode=verify-ca without sslrootcert/],
  ['a server that does not encrypt', `${standby.url}/lent?sslmode=require`, /does not encrypt connections/],
])('says in one line that the URL leads to %s', async (_, url, complaint, passes = false) => {
  const error = await open(url)
  expect(error).toBeInstanceOf(DatabaseStartError)
  if (error === 'open') return
  expect(error.message).toMatch(/^DATABASE_URL[: ]/)
  expect(error.message).toMatch(complaint)
  expect(error.message).not.toMatch(/\n|p@ss|p%40|secret|postgres:postgres/)
  expect(error.passes).toBe(passes)
})

it.each([
  ['as it is', good],
  ['its password not encoded where it can be told', good.replace('%40', '@')],
  ['two hosts, the first of which is away', good.replace(place, `127.0.0.1:${unused},${place}`)],
  [
    'two hosts, the first of which is a standby',
    `${good.replace(place, `${new URL(standby.url).host},${place}`)}?target_session_attrs=read-write`,
  ],
  [
    'hosts and ports as parameters',
    good.replace(place, '').replace('/lent', `/lent?host=127.0.0.1,127.0.0.1&port=${unused},${new URL(good).port}`),
  ],
  ['sslmode=disable', `${good}?sslmode=disable`],
  ['sslmode=allow', `${good}?sslmode=allow`],
  ['sslmode=prefer', `${good}?sslmode=prefer`],
  ['sslmode=require, which checks nothing', `${good}?sslmode=require`],
  ['sslmode=require with its authority', `${good}?sslmode=require&sslrootcert=${pem('cert.pem')}`],
  ['sslmode=verify-ca', `${good}?sslmode=verify-ca&sslrootcert=${pem('cert.pem')}`],
  ['sslmode=verify-full', `${onLocalhost}?sslmode=verify-full&sslrootcert=${pem('cert.pem')}`],
])('opens a URL with %s', async (_, url) => {
  expect(await open(url)).toBe('open')
})
