import { expect, it } from 'vitest'
import { readDatabaseUrl } from '../../../src/data/connection/database-url.ts'

const [host, port] = ['db.example', 5433]
const given = { user: 'fleet', password: 's@/#?:% é', database: 'lent' }
const encoded = 's%40%2F%23%3F%3A%25%20%C3%A9'

it.each<[string, object]>([
  [`postgresql://fleet:${encoded}@db.example:5433/lent`, { ...given, hosts: [{ host, port }] }],
  [`postgres://fleet:${encoded}@db.example/lent`, { ...given, hosts: [{ host, port: null }] }],
  [`  postgresql://fleet:${encoded}@db.example:5433/lent\n`, { ...given, hosts: [{ host, port }] }],
  ['postgresql://fleet:p@ss@db.example/lent', { password: 'p@ss', hosts: [{ host, port: null }] }],
  ['postgresql://fleet:50%@db.example/lent', { password: '50%' }],
  [
    'postgresql://a:1,b,[::1]:3/lent',
    {
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: null },
        { host: '::1', port: 3 },
      ],
    },
  ],
  ['postgresql:///lent?host=/run/postgresql', { hosts: [{ host: '/run/postgresql', port: null }], database: 'lent' }],
  ['postgresql://%2Frun%2Fpostgresql/lent', { hosts: [{ host: '/run/postgresql', port: null }] }],
  [
    'postgresql://fleet@/lent?host=a,b&port=5433',
    {
      hosts: [
        { host: 'a', port },
        { host: 'b', port },
      ],
    },
  ],
  ['postgresql://', { hosts: [{ host: null, port: null }], user: null, password: null, database: null }],
  ['postgresql://h/d?user=a@b&password=c@d&dbname=e', { user: 'a@b', password: 'c@d', database: 'e' }],
  [
    'postgresql://h/d?options=-c%20work_mem%3D9MB&application_name=x&schema=lent',
    { options: '-c work_mem=9MB', applicationName: 'x', schema: 'lent' },
  ],
  [
    'postgresql://h/d?sslmode=verify-ca&sslrootcert=a.pem&sslcert=b.pem&sslkey=c.pem',
    { sslMode: 'verify-ca', rootCert: 'a.pem', cert: 'b.pem', key: 'c.pem' },
  ],
  ['postgresql://h/d?ssl=true', { sslMode: 'verify-full' }],
  ['postgresql://h/d?ssl=0', { sslMode: 'disable' }],
  ['postgresql://h/d?pgbouncer=true&connection_limit=5', { sslMode: null }],
])('%s is read', (text, expected) => {
  expect(readDatabaseUrl(text)).toMatchObject(expected)
})

it.each([
  ['db.example', /^takes a URL that starts with postgresql:\/\//],
  ['mysql://fleet:secret@h/d', /^takes a URL that starts with/],
  ['postgresql://fleet:se#cret@h/d', /^has a # in it.*%23 for #/],
  ['postgresql://fleet:se/cret@h/d', /^has an @ behind a \/.*%2F for \//],
  ['postgresql://fleet:12/cret@h/d', /^has an @ behind a \//],
  ['postgresql://fleet:p@se/cret@h/d', /^has an @ behind a \//],
  ['postgresql://fleet:se?cret@h/d', /^has an @ behind a \/ or \?.*%3F for \?/],
  ['postgresql://fleet:p@se?cret@h/d', /^has an @ behind/],
  ['postgresql://fleet:secret@h:http/d', /^has a port that is no number/],
  ['postgresql://fleet:secret@h:65536/d', /^has a port that is no number/],
  ['postgresql://fleet:secret@a,b,c/d?port=1,2', /^names 3 hosts and 2 ports/],
  ['postgresql://fleet:secret@h/d?sslmode=always', /^has sslmode=always: it takes disable, /],
  ['postgresql://fleet:secret@h/d?sslnegotiation=never', /^takes sslnegotiation=/],
  ['postgresql://fleet:secret@a,b/d?target_session_attrs=standby', /^has target_session_attrs=standby, .*read-write/],
  ['postgresql://fleet:secret%ff@h/d', /^has percent-encoded bytes that are no UTF-8/],
])('%s is refused with what is wrong, and without its secrets', (text, complaint) => {
  const read = readDatabaseUrl(text)
  expect(read).toMatch(complaint)
  expect(read).not.toMatch(/secret|cret|\n/)
})
