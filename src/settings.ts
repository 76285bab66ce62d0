import { z } from 'zod'
import { readDatabaseUrl } from './data/connection/database-url.ts'
import type { Use } from './data/connection/database-url.ts'
import { isOriginPattern } from './domain/access/origins.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** A variable with an empty value counts as not set. */
const given = <T extends z.ZodType>(type: T) => z.preprocess((value) => (value === '' ? undefined : value), type)
const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `takes a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  })
const databaseUrl = (use: Use) =>
  z.string().superRefine((text, context) => {
    const read = readDatabaseUrl(text, use)
    if (typeof read === 'string') context.addIssue({ code: 'custom', message: read })
  })
const whole = (least: number, most: number) => {
  const message = `takes a whole number from ${least} to ${most}`
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= least && value <= most, message)
}

const share = z
  .string()
  .regex(/^(0|1|0?\.\d{1,9})$/, 'takes a number from 0 to 1')
  .transform(Number)
/** In production: by then a load balancer that asks /ready every other second sends no more requests. */
const SHUTDOWN_DELAY_SECONDS = 5
const DAY_MS = 24 * 60 * 60 * 1000
/** The default burst: the points of so many seconds. */
const BURST_SECONDS = 20

const Environment = z.object({
  HOST: given(z.string().default('127.0.0.1')),
  PORT: given(whole(0, 65_535).default(4000)),
  DATABASE_URL: given(databaseUrl('primary').optional()),
  DATA_DIR: given(z.string().default('.data')),
  AUTH_JWKS_URL: given(url('https:', 'http:').optional()),
  AUTH_ISSUER: given(z.string().optional()),
  AUTH_AUDIENCE: given(z.string().optional()),
  AUTH_FLEET_CLAIM: given(z.string().default('fleet_id')),
  AUTH_MAX_TOKEN_DAYS: given(whole(1, 36_500).optional()),
  AUTH_ROLES_CLAIM: given(z.string().default('roles')),
  NODE_ENV: given(
    z.enum(['development', 'production', 'test'], 'takes development, production or test').default('development'),
  ),
  ALLOWED_ORIGINS: given(
    z
      .string()
      .default('')
      .transform((list) => list.split(/[\s,]+/).filter((origin) => origin !== ''))
      .refine(
        (origins) => origins.every(isOriginPattern),
        'takes origins such as https://fleet.example or http://localhost:*, separated by commas, or * for all',
      ),
  ),
  SOCKETS_PER_TOKEN: given(whole(1, 1_000_000).default(5_000)),
  DATABASE_POOL_SIZE: given(whole(2, 1_000).default(10)),
  DATABASE_DIRECT_URL: given(databaseUrl('primary').optional()),
  DATABASE_REPLICA_URL: given(databaseUrl('standby').optional()),
  OPERATIONS_AT_ONCE: given(whole(1, 1_000_000).default(200)),
  RATE_LIMIT: given(whole(1, 1_000_000).optional()),
  RATE_LIMIT_BURST: given(whole(1, 100_000_000).optional()),
  TRUSTED_DOCUMENTS: given(z.string().optional()),
  IDLE_MAX_SILENCE_MINUTES: given(whole(1, 10_080).default(60)),
  EVENT_RETENTION_DAYS: given(whole(1, 36_500).default(30)),
  STATE_RETENTION_DAYS: given(whole(1, 36_500).optional()),
  LOG_PARTITION_EVENTS: given(whole(10, 999_999_999).optional()),
  SHUTDOWN_DELAY_SECONDS: given(whole(0, 300).optional()),
  CONSOLE: given(z.enum(['on', 'off'], 'takes on or off').optional()),
  METRICS_PORT: given(whole(1, 65_535).optional()),
  OTEL_EXPORTER_OTLP_ENDPOINT: given(url('https:', 'http:').optional()),
  OTEL_TRACES_SAMPLER_ARG: given(share.default(1)),
  LOG_LEVEL: given(z.enum(LOG_LEVELS, `takes ${LOG_LEVELS.join(', ')}`).default('info')),
})

export type Provider = { readonly jwksUrl: URL; readonly issuer: string; readonly audience: string }

export type TracingSettings = {
  /** The URL of a collector that takes OTLP over HTTP; no slash at the end. */
  readonly endpoint: string
  /** The share of all traces that is sampled, from 0 to 1. */
  readonly ratio: number
}

export type Settings = {
  readonly host: string
  readonly port: number
  readonly databaseUrl: string | null
  /** The same database without a pooler in between, which LISTEN and migrations cannot go through. */
  readonly databaseDirectUrl: string | null
  /** Standbys of the same database, which serve old parts of the log; null for none. */
  readonly databaseReplicaUrl: string | null
  /** Connections of this instance to PostgreSQL, without the one for LISTEN; the most to a standby, too. */
  readonly poolSize: number
  readonly dataDir: string
  /** null: the server is its own development issuer, and seeds the demo world. */
  readonly provider: Provider | null
  readonly fleetClaim: string
  readonly rolesClaim: string
  /** How long a token is trusted after it was issued, whatever its `exp` says; null for as long as that says. Milliseconds. */
  readonly maxTokenAgeMs: number | null
  readonly production: boolean
  /** Origins, those of this machine perhaps with `*` as their port, or `*` for all. */
  readonly allowedOrigins: readonly string[]
  /** Connections that stay open with one token: WebSockets and streams of server-sent events. */
  readonly socketsPerToken: number
  /** The most queries and mutations under way in this instance; more are refused. */
  readonly operationsAtOnce: number
  /** The points that each token may spend on operations: those that come back each second, and the most there are. */
  readonly rateLimit: { readonly perSecond: number; readonly burst: number } | null
  /** The manifest of the documents that are admitted; null: any are. */
  readonly trustedDocuments: string | null
  /** A vehicle that was last heard of longer ago is not idle. The last instance that starts with another value sets it for all. */
  readonly idleMaxSilenceMinutes: number
  /** The retention of events in the log. Milliseconds. */
  readonly retentionMs: number
  /** The retention of readings in the log: at most that of other events. Milliseconds. */
  readonly readingRetentionMs: number
  /** The positions of a partition of the log; null for as many as fit the rate at which events come in. */
  readonly partitionEvents: number | null
  /** The time that a server goes on serving after SIGTERM while /ready answers 503. Milliseconds. */
  readonly shutdownDelayMs: number
  /** Whether there is a page at /console. */
  readonly console: boolean
  /** The port of the metrics for Prometheus, on the same host; null for none. */
  readonly metricsPort: number | null
  /** null: nothing is traced. */
  readonly tracing: TracingSettings | null
  readonly logLevel: (typeof LOG_LEVELS)[number]
}

/** A wrong setting; the message is one line that names the variable. */
export class SettingsError extends Error {}

/** @throws SettingsError */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const parsed = Environment.safeParse(environment)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new SettingsError(`${String(issue?.path[0])} ${issue?.message ?? 'is wrong'}`)
  }
  const env = parsed.data
  const { AUTH_JWKS_URL, AUTH_ISSUER, AUTH_AUDIENCE } = env
  const missing = Object.entries({ AUTH_JWKS_URL, AUTH_ISSUER, AUTH_AUDIENCE }).filter(([, value]) => !value)
  if (missing.length > 0 && missing.length < 3) {
    throw new SettingsError(`${missing[0]?.[0]} is missing: AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE go together`)
  }
  const production = env.NODE_ENV === 'production'
  if (production && env.DATABASE_URL === undefined) {
    throw new SettingsError('DATABASE_URL is missing: production does not run on the embedded database')
  }
  if (env.DATABASE_REPLICA_URL !== undefined && env.DATABASE_URL === undefined) {
    throw new SettingsError('DATABASE_URL is missing: DATABASE_REPLICA_URL names a standby of that database')
  }
  if (env.STATE_RETENTION_DAYS !== undefined && env.STATE_RETENTION_DAYS > env.EVENT_RETENTION_DAYS) {
    throw new SettingsError('STATE_RETENTION_DAYS takes at most EVENT_RETENTION_DAYS: readings are events, too')
  }
  if (env.METRICS_PORT === env.PORT) {
    throw new SettingsError('METRICS_PORT takes another port than PORT')
  }
  if (production && missing.length > 0) {
    throw new SettingsError('AUTH_JWKS_URL is missing: production trusts no development keys')
  }
  return {
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL ?? null,
    databaseDirectUrl: env.DATABASE_DIRECT_URL ?? null,
    databaseReplicaUrl: env.DATABASE_REPLICA_URL ?? null,
    poolSize: env.DATABASE_POOL_SIZE,
    dataDir: env.DATA_DIR,
    provider:
      AUTH_JWKS_URL && AUTH_ISSUER && AUTH_AUDIENCE
        ? { jwksUrl: new URL(AUTH_JWKS_URL), issuer: AUTH_ISSUER, audience: AUTH_AUDIENCE }
        : null,
    fleetClaim: env.AUTH_FLEET_CLAIM,
    rolesClaim: env.AUTH_ROLES_CLAIM,
    maxTokenAgeMs: env.AUTH_MAX_TOKEN_DAYS === undefined ? null : env.AUTH_MAX_TOKEN_DAYS * DAY_MS,
    production,
    allowedOrigins: env.ALLOWED_ORIGINS,
    socketsPerToken: env.SOCKETS_PER_TOKEN,
    operationsAtOnce: env.OPERATIONS_AT_ONCE,
    rateLimit: env.RATE_LIMIT
      ? { perSecond: env.RATE_LIMIT, burst: env.RATE_LIMIT_BURST ?? BURST_SECONDS * env.RATE_LIMIT }
      : null,
    trustedDocuments: env.TRUSTED_DOCUMENTS ?? null,
    idleMaxSilenceMinutes: env.IDLE_MAX_SILENCE_MINUTES,
    retentionMs: env.EVENT_RETENTION_DAYS * DAY_MS,
    readingRetentionMs: (env.STATE_RETENTION_DAYS ?? env.EVENT_RETENTION_DAYS) * DAY_MS,
    partitionEvents: env.LOG_PARTITION_EVENTS ?? null,
    shutdownDelayMs: (env.SHUTDOWN_DELAY_SECONDS ?? (production ? SHUTDOWN_DELAY_SECONDS : 0)) * 1000,
    console: (env.CONSOLE ?? (production ? 'off' : 'on')) === 'on',
    metricsPort: env.METRICS_PORT ?? null,
    tracing:
      env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? null
        : { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT.replace(/\/+$/, ''), ratio: env.OTEL_TRACES_SAMPLER_ARG },
    logLevel: env.LOG_LEVEL,
  }
}

/** The address of a server: http://host:port, an IPv6 address in brackets. */
export const urlOf = ({ host, port }: Pick<Settings, 'host' | 'port'>): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`
