import { EndpointError } from './endpoints.ts'
import { placeOf } from './database-url.ts'
import type { DatabaseUrl } from './database-url.ts'
import { identifier, ReadOnlyError, roleOf } from './session.ts'
import type { SessionFacts } from './session.ts'
import { DatabaseStartError } from './start-error.ts'
import { isUnavailable, sqlFailureOf } from '../database/unavailable.ts'

/** 15.0 */
const OLDEST = 150_000

/** @returns the schema of the tables @throws DatabaseStartError for what the server cannot live with */
export function checkFacts(facts: SessionFacts, url: DatabaseUrl, variable: string): string {
  const { version, encoding, wrong, schema, isUsable } = facts
  const role = roleOf(url)
  if (version < OLDEST) {
    const found = `${Math.floor(version / 10_000)}.${version % 10_000}`
    throw new DatabaseStartError(`${variable} leads to PostgreSQL ${found}: 15 or later is needed`)
  }
  if (encoding !== 'UTF8') {
    throw new DatabaseStartError(
      `${variable} leads to a database in the encoding ${encoding}, which has to be UTF8: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0`,
    )
  }
  const [first] = wrong
  if (first) {
    const { name, value, wanted } = first
    throw new DatabaseStartError(
      `${variable}: ${name} of the session has to be ${wanted}, not ${value || 'empty'}: ALTER ROLE ${role} SET ${name} = '${wanted}'`,
    )
  }
  if (schema === null) {
    throw new DatabaseStartError(
      `${variable}: no schema of the role's search_path exists: CREATE SCHEMA ... AUTHORIZATION ${role}, or ?schema= in the URL`,
    )
  }
  if (!isUsable) {
    throw new DatabaseStartError(
      `${variable}: ${role} may make no tables in the schema ${identifier(schema)}: GRANT CREATE ON SCHEMA ${identifier(schema)} TO ${role}, or make it the owner of the database`,
    )
  }
  return schema
}

/**
 * The error that stops a start, in words for an operator.
 * @param variable the setting with the URL that was in use
 * @returns a DatabaseStartError for what is known; anything else as it is
 */
export function startError(error: unknown, url: DatabaseUrl, variable: string): unknown {
  if (error instanceof DatabaseStartError) return error
  const failures =
    error instanceof AggregateError && error.errors.every((one) => one instanceof EndpointError)
      ? error.errors.map((one) => ({ place: one.place, said: reasonOf(one.cause, url) }))
      : [{ place: url.hosts.map(placeOf).join(', '), said: reasonOf(error, url) }]
  if (failures.some(({ said }) => said === null)) return error
  const reasons = failures.flatMap(({ place, said }) =>
    said ? [{ text: `${said.text} (${place})`, passes: said.passes }] : [],
  )
  // One of several hosts may be starting while the others are standbys.
  const passes = reasons.some((reason) => reason.passes)
  const texts = [...new Set(reasons.map(({ text }) => text))]
  return new DatabaseStartError(`${variable}: ${texts.join('; ')}`, passes, error)
}

type Reason = { readonly text: string; readonly passes: boolean }
const stays = (text: string): Reason => ({ text, passes: false })
const passes = (text: string): Reason => ({ text, passes: true })

function reasonOf(error: unknown, url: DatabaseUrl): Reason | null {
  const role = roleOf(url)
  const database = url.database === null ? 'the database' : identifier(url.database)
  const refused = sqlFailureOf(error)
  const message = refused?.message ?? messageOf(error)
  const code = codeOf(error)
  if (error instanceof ReadOnlyError) {
    return error.isStandby
      ? stays(
          'is a standby, where nothing can be written: name the primary, or all hosts, as in postgresql://user:password@host1,host2/database',
        )
      : stays(
          `cannot be written to, for default_transaction_read_only is on: ALTER ROLE ${role} (or ALTER DATABASE ${database}, or the URL's options, or ALTER SYSTEM) has to set it to off`,
        )
  }
  if (code?.startsWith('ERR_TLS') || code?.includes('CERT') || code?.startsWith('UNABLE_TO')) {
    return code === 'ERR_TLS_CERT_ALTNAME_INVALID'
      ? stays(
          'shows a certificate for another host name: name it as the certificate does, or sslmode=verify-ca with sslrootcert',
        )
      : stays(
          `shows a certificate of an unknown authority (${code}): sslrootcert=FILE names the authority's, sslmode=require checks none`,
        )
  }
  if (/does not support SSL/.test(message))
    return stays('does not encrypt connections: turn ssl on there, or sslmode=disable')
  if (/^SASL: .*password/.test(message)) return stays(`asks for a password of ${role}, and the URL has none`)
  switch (refused?.code ?? '') {
    case '28P01':
      if (url.password === null) return stays(`asks for a password of ${role}, and the URL has none`)
      return stays(
        `does not take the password of ${role}: correct it; special characters in it have to be percent-encoded, such as %40 for @`,
      )
    case '28000':
      return stays(
        `does not let ${role} in (${message}): it has to exist, to have LOGIN, and pg_hba.conf has to admit it from here`,
      )
    case '3D000':
      return stays(`has no database ${database}: CREATE DATABASE ${database} OWNER ${role}`)
    case '42501':
      return stays(
        `denies ${role} a right (${message}): make it the owner, ALTER DATABASE ${database} OWNER TO ${role}, or GRANT what is missing`,
      )
    case '55000':
      if (!isUnavailable(error)) return null
      return stays(
        `takes no connections to ${database} (${message}): ALTER DATABASE ${database} ALLOW_CONNECTIONS true`,
      )
    case '08P01':
      return /startup parameter/.test(message)
        ? stays(
            `is a pooler, which takes no settings of a session (${message}): DATABASE_DIRECT_URL has to name PostgreSQL itself`,
          )
        : passes(`is not reached (${message})`)
    case '42704':
    case '22023':
      return stays(`refuses a setting of the session (${message}): correct the URL's options`)
    case '53300':
      return passes(
        `has no connection left (${message}): raise max_connections or the CONNECTION LIMIT, or lower DATABASE_POOL_SIZE`,
      )
  }
  if (code === 'ECONNREFUSED')
    return passes(`nobody listens there (${code}): start PostgreSQL, or correct host and port`)
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return passes(`the host's name is not known (${code}): correct it, or wait for its DNS`)
  if (code === 'ENOENT' || code === 'EACCES')
    return passes(`there is no way to that socket (${code}): start PostgreSQL, or correct the folder`)
  return isUnavailable(error)
    ? passes(`is not reached (${[refused?.code ?? code, message].filter(Boolean).join(': ')})`)
    : null
}

const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

/** The system's error code; the first one where several addresses of one name were tried. */
function codeOf(error: unknown): string | null {
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return code
  return error instanceof AggregateError ? codeOf(error.errors[0]) : null
}
