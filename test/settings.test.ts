import { describe, expect, it } from 'vitest'
import { startNode } from './support/process.ts'
import { readSettings, SettingsError, urlOf } from '../src/settings.ts'

const PROVIDER = {
  AUTH_JWKS_URL: 'https://login.example/keys',
  AUTH_ISSUER: 'https://login.example',
  AUTH_AUDIENCE: 'fleetshare',
}
const DATABASE_URL = 'postgresql://fleet:secret@db.example:5432/fleet'
const STANDBY_URL = 'postgresql://standby.example/fleet?target_session_attrs=standby'
const PRODUCTION = { NODE_ENV: 'production', DATABASE_URL, ...PROVIDER }

function complaintOf(environment: Readonly<Record<string, string>>): string {
  try {
    readSettings(environment)
  } catch (error) {
    if (error instanceof SettingsError) return error.message
    throw error
  }
  return 'no complaint'
}

describe('settings', () => {
  const defaults = {
    host: '127.0.0.1',
    port: 4000,
    databaseUrl: null,
    databaseDirectUrl: null,
    databaseReplicaUrl: null,
    poolSize: 10,
    dataDir: '.data',
    provider: null,
    fleetClaim: 'fleet_id',
    rolesClaim: 'roles',
    maxTokenAgeMs: null,
    production: false,
    allowedOrigins: [],
    socketsPerToken: 5000,
    operationsAtOnce: 200,
    rateLimit: null,
    trustedDocuments: null,
    idleMaxSilenceMinutes: 60,
    retentionMs: 30 * 24 * 60 * 60 * 1000,
    readingRetentionMs: 30 * 24 * 60 * 60 * 1000,
    partitionEvents: null,
    shutdownDelayMs: 0,
    console: true,
    metricsPort: null,
    tracing: null,
    logLevel: 'info',
  }

  it('have defaults that need nothing but Node', () => {
    expect(readSettings({})).toEqual(defaults)
  })

  it('that are set to nothing are not set', () => {
    const names = `HOST PORT DATABASE_URL DATA_DIR AUTH_JWKS_URL AUTH_ISSUER AUTH_AUDIENCE AUTH_FLEET_CLAIM
      AUTH_ROLES_CLAIM AUTH_MAX_TOKEN_DAYS NODE_ENV ALLOWED_ORIGINS LOG_LEVEL SOCKETS_PER_TOKEN
      DATABASE_POOL_SIZE DATABASE_DIRECT_URL DATABASE_REPLICA_URL EVENT_RETENTION_DAYS STATE_RETENTION_DAYS LOG_PARTITION_EVENTS IDLE_MAX_SILENCE_MINUTES SHUTDOWN_DELAY_SECONDS CONSOLE METRICS_PORT OPERATIONS_AT_ONCE RATE_LIMIT RATE_LIMIT_BURST TRUSTED_DOCUMENTS
      OTEL_EXPORTER_OTLP_ENDPOINT OTEL_TRACES_SAMPLER_ARG`
    expect(readSettings(Object.fromEntries(names.split(/\s+/).map((name) => [name, ''])))).toEqual(defaults)
  })

  it.each<[Record<string, string>, object]>([
    [{ HOST: '0.0.0.0' }, { host: '0.0.0.0' }],
    [{ HOST: '::1' }, { host: '::1' }],
    [{ PORT: '0' }, { port: 0 }],
    [{ PORT: '65535' }, { port: 65535 }],
    [{ DATABASE_URL }, { databaseUrl: DATABASE_URL }],
    [{ DATABASE_DIRECT_URL: DATABASE_URL }, { databaseDirectUrl: DATABASE_URL }],
    [{ DATABASE_URL, DATABASE_REPLICA_URL: STANDBY_URL }, { databaseReplicaUrl: STANDBY_URL }],
    [{ DATABASE_POOL_SIZE: '50' }, { poolSize: 50 }],
    [{ SOCKETS_PER_TOKEN: '1' }, { socketsPerToken: 1 }],
    [{ CONSOLE: 'off' }, { console: false }],
    [{ ...PRODUCTION, CONSOLE: 'on' }, { console: true }],
    [PRODUCTION, { console: false }],
    [{ METRICS_PORT: '9464' }, { metricsPort: 9464 }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318/' }, { tracing: { endpoint: 'http://otel:4318', ratio: 1 } }],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318', OTEL_TRACES_SAMPLER_ARG: '0.05' },
      { tracing: { endpoint: 'http://otel:4318', ratio: 0.05 } },
    ],
    [{ OPERATIONS_AT_ONCE: '1' }, { operationsAtOnce: 1 }],
    [{ TRUSTED_DOCUMENTS: 'documents.json' }, { trustedDocuments: 'documents.json' }],
    [{ RATE_LIMIT: '50' }, { rateLimit: { perSecond: 50, burst: 1000 } }],
    [{ RATE_LIMIT: '50', RATE_LIMIT_BURST: '70' }, { rateLimit: { perSecond: 50, burst: 70 } }],
    [{ RATE_LIMIT_BURST: '70' }, { rateLimit: null }],
    [{ IDLE_MAX_SILENCE_MINUTES: '1' }, { idleMaxSilenceMinutes: 1 }],
    [{ IDLE_MAX_SILENCE_MINUTES: '10080' }, { idleMaxSilenceMinutes: 10_080 }],
    [{ EVENT_RETENTION_DAYS: '7' }, { retentionMs: 604_800_000 }],
    [{ EVENT_RETENTION_DAYS: '7' }, { readingRetentionMs: 604_800_000 }],
    [{ EVENT_RETENTION_DAYS: '7', STATE_RETENTION_DAYS: '1' }, { readingRetentionMs: 86_400_000 }],
    [{ LOG_PARTITION_EVENTS: '500' }, { partitionEvents: 500 }],
    [{ SHUTDOWN_DELAY_SECONDS: '20' }, { shutdownDelayMs: 20_000 }],
    [PRODUCTION, { shutdownDelayMs: 5_000 }],
    [{ ...PRODUCTION, SHUTDOWN_DELAY_SECONDS: '0' }, { shutdownDelayMs: 0 }],
    [{ DATABASE_URL: 'postgres://db.example/fleet' }, { databaseUrl: 'postgres://db.example/fleet' }],
    [{ DATA_DIR: '/var/lib/fleetshare' }, { dataDir: '/var/lib/fleetshare' }],
    [PROVIDER, { provider: { issuer: 'https://login.example', audience: 'fleetshare' } }],
    [{ AUTH_FLEET_CLAIM: 'https://a.example/fleet' }, { fleetClaim: 'https://a.example/fleet' }],
    [{ AUTH_ROLES_CLAIM: 'scope' }, { rolesClaim: 'scope' }],
    [{ AUTH_MAX_TOKEN_DAYS: '1' }, { maxTokenAgeMs: 86_400_000 }],
    [{ NODE_ENV: 'development' }, { production: false }],
    [{ NODE_ENV: 'test' }, { production: false }],
    [PRODUCTION, { production: true, databaseUrl: DATABASE_URL }],
    [{ ALLOWED_ORIGINS: 'https://a.example' }, { allowedOrigins: ['https://a.example'] }],
    [
      { ALLOWED_ORIGINS: 'https://a.example, http://localhost:8080' },
      { allowedOrigins: ['https://a.example', 'http://localhost:8080'] },
    ],
    [{ ALLOWED_ORIGINS: '*' }, { allowedOrigins: ['*'] }],
    [
      { ALLOWED_ORIGINS: 'http://localhost:*,https://127.0.0.1:*,http://[::1]:*' },
      { allowedOrigins: ['http://localhost:*', 'https://127.0.0.1:*', 'http://[::1]:*'] },
    ],
    [{ LOG_LEVEL: 'debug' }, { logLevel: 'debug' }],
    [{ LOG_LEVEL: 'silent' }, { logLevel: 'silent' }],
  ])('are read from %o', (environment, expected) => {
    expect(readSettings(environment)).toMatchObject(expected)
  })

  it('keep the address of the key set as it was given', () => {
    expect(readSettings(PROVIDER).provider?.jwksUrl.href).toBe(PROVIDER.AUTH_JWKS_URL)
  })
})

describe('a wrong setting', () => {
  it.each<[string, Record<string, string>]>([
    ['PORT', { PORT: 'http' }],
    ['PORT', { PORT: '65536' }],
    ['PORT', { PORT: '-1' }],
    ['PORT', { PORT: '80.5' }],
    ['PORT', { PORT: ' 80' }],
    ['PORT', { PORT: '0x50' }],
    ['SOCKETS_PER_TOKEN', { SOCKETS_PER_TOKEN: '0' }],
    ['OPERATIONS_AT_ONCE', { OPERATIONS_AT_ONCE: '0' }],
    ['RATE_LIMIT', { RATE_LIMIT: '0' }],
    ['RATE_LIMIT_BURST', { RATE_LIMIT: '5', RATE_LIMIT_BURST: 'many' }],
    ['DATABASE_POOL_SIZE', { DATABASE_POOL_SIZE: '1' }],
    ['METRICS_PORT', { METRICS_PORT: '0' }],
    ['METRICS_PORT', { METRICS_PORT: '4000' }],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', { OTEL_EXPORTER_OTLP_ENDPOINT: 'otel:4318' }],
    ['OTEL_TRACES_SAMPLER_ARG', { OTEL_TRACES_SAMPLER_ARG: '1.5' }],
    ['DATABASE_DIRECT_URL', { DATABASE_DIRECT_URL: 'db.example' }],
    ['DATABASE_REPLICA_URL', { DATABASE_URL, DATABASE_REPLICA_URL: 'db.example' }],
    ['IDLE_MAX_SILENCE_MINUTES', { IDLE_MAX_SILENCE_MINUTES: '0' }],
    ['IDLE_MAX_SILENCE_MINUTES', { IDLE_MAX_SILENCE_MINUTES: '10081' }],
    ['EVENT_RETENTION_DAYS', { EVENT_RETENTION_DAYS: '0' }],
    ['EVENT_RETENTION_DAYS', { EVENT_RETENTION_DAYS: '1.5' }],
    ['STATE_RETENTION_DAYS', { STATE_RETENTION_DAYS: '0' }],
    ['STATE_RETENTION_DAYS', { EVENT_RETENTION_DAYS: '7', STATE_RETENTION_DAYS: '8' }],
    ['SHUTDOWN_DELAY_SECONDS', { SHUTDOWN_DELAY_SECONDS: '301' }],
    ['DATABASE_URL', { DATABASE_URL: 'db.example' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://db.example/fleet' }],
    ['AUTH_JWKS_URL', { ...PROVIDER, AUTH_JWKS_URL: 'login.example/keys' }],
    ['AUTH_JWKS_URL', { ...PROVIDER, AUTH_JWKS_URL: 'file:///etc/keys.json' }],
    ['NODE_ENV', { NODE_ENV: 'prod' }],
    ['NODE_ENV', { NODE_ENV: 'Production' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://*.example' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://a.example:*' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'http://localhost:80:*' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'localhost:*' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'http://localhost:8080*' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'a.example' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://a.example/' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://a.example,null' }],
    ['CONSOLE', { CONSOLE: 'yes' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
  ])('%s is named in one line: %o', (name, environment) => {
    const complaint = complaintOf(environment)
    expect(complaint).toMatch(new RegExp(`^${name} takes `))
    expect(complaint).not.toContain('\n')
  })

  it.each(Object.keys(PROVIDER))('%s missing is named: the identity provider is all three or none', (missing) => {
    const { [missing as keyof typeof PROVIDER]: _left, ...others } = PROVIDER
    expect(complaintOf(others)).toMatch(new RegExp(`^${missing} is missing`))
    const [given] = Object.entries(PROVIDER).filter(([name]) => name === missing)
    expect(complaintOf(Object.fromEntries([given ?? []]))).toMatch(/^AUTH_\w+ is missing/)
  })

  it.each([
    [{ DATABASE_REPLICA_URL: STANDBY_URL }, 'DATABASE_URL is missing: DATABASE_REPLICA_URL names a standby of'],
    [{ DATABASE_URL: STANDBY_URL }, 'DATABASE_URL has target_session_attrs=standby, but it is written to'],
    [
      { DATABASE_URL, DATABASE_REPLICA_URL: `${DATABASE_URL}?target_session_attrs=primary` },
      'DATABASE_REPLICA_URL has target_session_attrs=primary, but it is only read from',
    ],
  ])('of the two databases is named: %o', (environment, said) => {
    expect(complaintOf(environment)).toContain(said)
  })

  it('does not show a possible password', () => {
    expect(complaintOf({ DATABASE_URL: 'mysql://fleet:secret@db.example/fleet' })).not.toContain('secret')
  })

  it.each([
    ['DATABASE_URL', { NODE_ENV: 'production', ...PROVIDER }],
    ['AUTH_JWKS_URL', { NODE_ENV: 'production', DATABASE_URL }],
    ['AUTH_ISSUER', { ...PRODUCTION, AUTH_ISSUER: '' }],
  ])('is %s missing in production', (name, environment) => {
    const complaint = complaintOf(environment)
    expect(complaint).toMatch(new RegExp(`^${name} is missing`))
    expect(complaint).not.toContain('\n')
  })
})

describe('a process with a wrong setting', () => {
  it.each([
    ['src/main.ts', { PORT: 'http' }, 'FleetShare cannot start: PORT takes a whole number from 0 to 65535.'],
    [
      'src/main.ts',
      { NODE_ENV: 'production' },
      'FleetShare cannot start: DATABASE_URL is missing: production does not run on the embedded database.',
    ],
    ['src/cli/migrate.ts', { DATABASE_URL: 'nowhere' }, /^npm run migrate: DATABASE_URL takes a URL/],
  ])('ends with 1 and one line: %s with %o', async (file, env, complaint) => {
    const program = startNode(file, env)
    expect(await program.ended).toEqual({ code: 1, signal: null })
    expect(program.complaints).toEqual([typeof complaint === 'string' ? complaint : expect.stringMatching(complaint)])
    expect(program.lines).toEqual([])
  })
})

it.each([
  ['127.0.0.1', 'http://127.0.0.1:4000'],
  ['::1', 'http://[::1]:4000'],
  ['localhost', 'http://localhost:4000'],
])('a server on HOST=%s is reached at %s', (host, url) => {
  expect(urlOf({ host, port: 4000 })).toBe(url)
})
