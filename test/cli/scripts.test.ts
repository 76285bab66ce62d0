import { expect, inject, it } from 'vitest'
import { newName, sql } from '../support/databases.ts'
import { start, startNode } from '../support/process.ts'

const PROVIDER = { AUTH_JWKS_URL: 'https://id.example/keys', AUTH_ISSUER: 'https://id.example', AUTH_AUDIENCE: 'fleet' }

it.each(['token', 'admin', 'reset', 'migrate', 'verify', 'demo', 'instances', 'simulate'])(
  'npm run %s --help describes the command',
  async (name) => {
    // Whatever the settings are: who asks for help may have them wrong.
    const program = start('npm', ['run', '--silent', name, '--', '--help'], { PORT: 'none' })
    expect(await program.ended).toEqual({ code: 0, signal: null })
    expect(program.lines.join('\n')).toMatch(
      new RegExp(`^[A-Z].*\\.\n\n.*  .*npm run ${name}\\b[^]*\n  --help +this text$`),
    )
    expect(program.complaints).toEqual([])
  },
)

it.each([
  ['migrate', 'src/cli/migrate.ts', ['now'], {}, /^npm run migrate: Unexpected argument 'now'/],
  ['migrate', 'src/cli/migrate.ts', ['--dry-run'], {}, /^npm run migrate: Unknown option '--dry-run'/],
  ['verify', 'src/cli/verify.ts', ['--fix'], {}, /^npm run verify: Unknown option '--fix'/],
  ['demo', 'src/cli/demo.ts', ['--port', '1'], {}, /^npm run demo: Unknown option '--port'/],
  ['reset', 'src/cli/reset.ts', ['--all'], {}, /^npm run reset: Unknown option '--all'/],
  ['instances', 'src/cli/instances.ts', ['3'], {}, /^npm run instances: Unexpected argument '3'/],
  ['token', 'src/cli/token.ts', ['--fleet'], {}, /^npm run token: Option '--fleet <value>' argument missing/],
  // What these would claim a server refuses everything to.
  ['token', 'src/cli/token.ts', ['--fleet', '78LMK'], {}, /^npm run token: --role is missing$/],
  ['token', 'src/cli/token.ts', ['--role', 'Manager'], {}, /^npm run token: --role manager needs a --fleet$/],
  [
    'token',
    'src/cli/token.ts',
    ['--fleet', '', '--role', 'viewer'],
    {},
    /^npm run token: --role viewer needs a --fleet$/,
  ],
  [
    'token',
    'src/cli/token.ts',
    ['--fleet', '78LMK', '--role', 'admin'],
    {},
    /^npm run token: --role admin takes no --fleet$/,
  ],
  [
    'token',
    'src/cli/token.ts',
    ['--role', 'gateway', '--role', 'admin'],
    {},
    /--role gateway goes with no other role$/,
  ],
  ['token', 'src/cli/token.ts', ['--role', 'viewer', '--role', 'admin'], {}, /--role admin goes with no other role$/],
])('npm run %s says what it does not know, and how to call it: %s %j', async (name, file, args, env, complaint) => {
  const program = startNode(file, env, ...args)
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(program.complaints[0]).toMatch(complaint)
  expect(program.complaints.join('\n')).toMatch(new RegExp(`\n  .*npm run ${name}\\b`))
  expect(program.lines).toEqual([])
})

it.each<[string, Record<string, string>, RegExp]>([
  ['src/cli/demo.ts', { PORT: 'http' }, /^npm run demo: PORT takes a whole number from 0 to 65535\.$/],
  ['src/cli/demo.ts', { PORT: '0' }, /^npm run demo: PORT is 0: /],
  ['src/cli/demo.ts', PROVIDER, /^npm run demo: AUTH_\* is set/],
  ['src/cli/instances.ts', {}, /^npm run instances: DATABASE_URL is missing: .*\.$/],
  [
    'src/cli/instances.ts',
    { DATABASE_URL: 'postgresql://db', PORT: '65535' },
    /^npm run instances: PORT is 65535: .*\.$/,
  ],
  ['src/cli/migrate.ts', { DATABASE_URL: 'postgresql://127.0.0.1:1/fleetshare' }, /^npm run migrate: .*ECONNREFUSED/],
  ['src/cli/reset.ts', { DATABASE_URL: 'postgresql://db' }, /^npm run reset: DATABASE_URL is set: /],
  ['src/cli/reset.ts', PROVIDER, /^npm run reset: AUTH_\* is set: /],
  ['src/cli/verify.ts', { DATABASE_URL: 'postgresql://127.0.0.1:1/fleetshare' }, /^npm run verify: .*ECONNREFUSED/],
])('%s with %o ends with 1 and one line', async (file, env, complaint) => {
  const program = startNode(file, env)
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(program.complaints).toEqual([expect.stringMatching(complaint)])
  expect(program.lines).toEqual([])
})

it('npm run token says that an identity provider makes the tokens, where there is one', async () => {
  const program = startNode('src/cli/token.ts', PROVIDER, '--role', 'admin')
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(program.complaints[0]).toBe('npm run token: AUTH_* is set: the identity provider makes the tokens')
})

it('npm run migrate makes the tables of an empty database, and finds nothing to do again', async () => {
  const name = newName('scripts')
  await sql(`${inject('postgresUrl')}/postgres`, `CREATE DATABASE ${name}`)
  for (let time = 0; time < 2; time++) {
    const program = startNode('src/cli/migrate.ts', { DATABASE_URL: `${inject('postgresUrl')}/${name}` })
    expect(await program.ended).toEqual({ code: 0, signal: null })
    expect([program.lines, program.complaints]).toEqual([['The database is up to date.'], []])
  }
})
