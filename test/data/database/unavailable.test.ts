import { DriverAdapterError } from '@prisma/driver-adapter-utils'
import { describe, expect, it } from 'vitest'
import { ClockError } from '../../../src/data/database/clock.ts'
import { DiskFullError } from '../../../src/data/database/disk-space.ts'
import { ReadOnlyError } from '../../../src/data/connection/session.ts'
import { isUnavailable, sqlFailureOf } from '../../../src/data/database/unavailable.ts'

const withCode = (code: string, severity = 'ERROR') => Object.assign(new Error('failed'), { code, severity })
const AWAY = `08000 08001 08003 08004 08006 08007 08P01 28000 28P01 3D000 42501 53000 53100 53200 53300 53400
  57P01 57P02 57P03 57P04 57P05 58000 58030 58P01 25006 25P03 25P04 55P03`.split(/\s+/)
const SYSTEM =
  `ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN ENOTFOUND
  EAI_AGAIN EMFILE ENFILE ENOSPC EDQUOT EIO EROFS CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT
  ERR_TLS_CERT_ALTNAME_INVALID ERR_SSL_WRONG_VERSION_NUMBER`.split(/\s+/)
const OURS =
  '22001 22003 22P02 23502 23503 23505 23P01 40001 40P01 57014 42601 42703 42P01 42883 55000 P0001 XX000 XX001'.split(
    ' ',
  )
const PRISMA = 'P1000 P1001 P1003 P1008 P1010 P1011 P1017 P2024 P2037'.split(' ')

describe('the database is away', () => {
  it.each([...AWAY, ...SYSTEM, ...PRISMA])('by the code %s', (code) => {
    expect(isUnavailable(withCode(code))).toBe(true)
    expect(isUnavailable(new Error('Invalid invocation', { cause: withCode(code) }))).toBe(true)
    expect(isUnavailable(new AggregateError([new Error('one'), withCode(code)]))).toBe(true)
    const adapter = new DriverAdapterError({
      kind: 'postgres',
      code,
      severity: 'ERROR',
      message: '',
      detail: undefined,
      column: undefined,
      hint: undefined,
    })
    expect(
      isUnavailable(Object.assign(new Error('P2010'), { code: 'P2010', meta: { driverAdapterError: adapter } })),
    ).toBe(true)
  })

  it.each(['FATAL', 'PANIC'])('by the severity %s, with any code', (severity) => {
    expect(isUnavailable(withCode('55000', severity))).toBe(true)
  })

  it.each([
    'timeout exceeded when trying to connect',
    'Connection terminated due to connection timeout',
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'Query read timeout',
    'the connection to the database has gone silent',
    'Transaction API error: Unable to start a transaction in the given time.',
    'PGlite is closed',
  ])('by what drivers say without a code: %s', (message) => {
    expect(isUnavailable(new Error(message))).toBe(true)
  })

  it("by this server's own errors", () => {
    for (const error of [new ReadOnlyError(true), new DiskFullError('/data'), new ClockError('stepped')])
      expect(isUnavailable(error)).toBe(true)
    expect(isUnavailable(Object.assign(new Error('connect ENOENT'), { code: 'ENOENT', syscall: 'connect' }))).toBe(true)
  })
})

describe('the database is there', () => {
  it.each(OURS)('and not for an error of the statement itself: %s', (code) => {
    expect(isUnavailable(withCode(code))).toBe(false)
    expect(sqlFailureOf(new Error('outer', { cause: withCode(code) }))).toEqual({ code, message: 'failed' })
  })

  it('where nothing of it has failed', () => {
    for (const error of [
      new Error('a vehicle is missing'),
      new TypeError('x is not a function'),
      'text',
      null,
      undefined,
      7,
    ])
      expect(isUnavailable(error)).toBe(false)
    expect(isUnavailable(Object.assign(new Error('open'), { code: 'ENOENT', syscall: 'open' }))).toBe(false)
    const circular: { cause?: unknown } = {}
    circular.cause = circular
    expect(isUnavailable(circular)).toBe(false)
    expect(sqlFailureOf(withCode('ECONNREFUSED'))).toBeNull()
  })
})
