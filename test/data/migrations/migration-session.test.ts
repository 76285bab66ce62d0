import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { connect, embeddedArena, folderOf, migration, newArena, postgresArena } from '../../support/migrations.ts'
import { startNode } from '../../support/process.ts'

const STEPS = migration(
  '2_steps',
  `-- migrate: no transaction
CREATE TABLE step (id INT);
INSERT INTO step VALUES (1);
CREATE INDEX CONCURRENTLY step_id_idx ON step (id);
-- A semicolon; in a comment.
CREATE FUNCTION two() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN RETURN 2; END $$;
VACUUM step;`,
)

it.each(['postgres', 'embedded'] as const)('runs statements outside of a transaction on %s', async (kind) => {
  const arena = await newArena(kind)
  const session = `SELECT current_setting('search_path') AS path, (SELECT count(*)::int FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS locks`
  const before = await arena.query(session)
  expect(before).toMatchObject([{ locks: 0 }])
  expect(await arena.migrate({ migrations: [STEPS] })).toEqual(['2_steps'])
  expect(await arena.query('SELECT id, two() FROM step')).toEqual([{ id: 1, two: 2 }])
  expect(await arena.migrate({ migrations: [STEPS] })).toEqual([])
  expect(await arena.query(session)).toEqual(before)
})

/** What a migration finds. */
const NAMES = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'transaction_timeout',
  'client_min_messages',
  'transaction_isolation',
  'transaction_read_only',
  'TimeZone',
  'DateStyle',
  'extra_float_digits',
]
const LOOK = `SELECT pg_sleep(0.3); CREATE TABLE found AS
  SELECT current_setting(name) AS setting FROM unnest('{${NAMES.join(',')}}'::text[]) AS name;
  DO $$ BEGIN RAISE NOTICE 'heard'; END $$`
const EXPECTED = ['0', '0', '0', '0', 'notice', 'read committed', 'off', 'UTC', 'ISO, MDY', '1']

it.each([
  ['in a transaction', LOOK],
  ['outside of one', `-- migrate: no transaction\n${LOOK}`],
])('relies on no setting of the database or the URL, %s', async (_, look) => {
  const arena = await newArena('postgres')
  const database = new URL(arena.where).pathname.slice(1)
  const wrong = {
    statement_timeout: '100ms',
    lock_timeout: '1ms',
    idle_in_transaction_session_timeout: '100ms',
    transaction_timeout: '200ms',
    client_min_messages: 'error',
    default_transaction_isolation: 'serializable',
    default_transaction_read_only: 'on',
    datestyle: 'German',
    extra_float_digits: '-15',
  }
  const admin = await connect(arena.where)
  for (const [name, value] of Object.entries(wrong)) {
    await admin.query(`ALTER DATABASE ${database} SET ${name} = '${value}'`)
  }
  const url = `${arena.where}?options=-c%20timezone%3DEurope/Berlin`
  const lines: string[] = []
  const strict = await postgresArena(url)
  await strict.migrate({ migrations: [migration('1_look', look)], log: (_level, line) => void lines.push(line) })
  const found = await arena.query<{ setting: string }>('SELECT setting FROM found')
  expect(found.map(({ setting }) => setting)).toEqual(EXPECTED)
  expect(lines).toContain('1_look: heard')
})

it.each(['', '-- migrate: no transaction\n'])('makes everything in the schema of the connection: %j', async (head) => {
  const arena = await newArena('postgres')
  await arena.exec('CREATE SCHEMA "own schema"')
  const own = await postgresArena(`${arena.where}?options=-c%20search_path%3D%22own\\%20schema%22,public`)
  const script = `${head}CREATE TABLE thing (); CREATE FUNCTION f() RETURNS INT LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT 1'`
  const migrations = [migration('1_thing', script)]
  expect(await own.migrate({ migrations })).toEqual(['1_thing'])
  expect(await own.migrate({ migrations })).toEqual([])
  const tables = `SELECT schemaname AS schema, tablename AS name FROM pg_tables WHERE schemaname IN ('public', 'own schema') ORDER BY 2`
  expect(await own.query(tables)).toEqual([
    { schema: 'own schema', name: '_prisma_migrations' },
    { schema: 'own schema', name: 'thing' },
  ])
  expect(await own.query(`SELECT proconfig FROM pg_proc WHERE proname = 'f'`)).toEqual([
    { proconfig: ['search_path="own schema"'] },
  ])
})

it('makes the whole schema in another one than public', async () => {
  const arena = await newArena('postgres')
  await arena.exec('CREATE SCHEMA own')
  const own = await postgresArena(`${arena.where}?options=-c%20search_path%3Down`)
  await own.migrate()
  expect(await own.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)).toEqual([])
  // As pg_dump restores it: the trigger finds the log's sequence all the same.
  await own.exec(`SET search_path = ''; INSERT INTO own.event (type, vehicle_id, owner_id, occurred_at, recorded_at)
    VALUES ('X', 'v', 'f', now(), now())`)
  expect(await own.query('SELECT settled::int, drawn::int FROM own.log_horizon()')).toEqual([{ settled: 2, drawn: 2 }])
})

it('leaves nothing of a migration in the embedded database when its process is killed', async () => {
  const arena = await embeddedArena()
  const one = migration('1_one', 'CREATE TABLE one ()')
  // It tells the test that it is half-way by a file; a process that sleeps in PostgreSQL can say nothing else.
  const slow = migration(
    '2_slow',
    `CREATE TABLE half ();
    DO $$ BEGIN EXECUTE format('COPY (SELECT 1) TO %L', current_setting('data_directory') || '/half-way'); END $$;
    SELECT pg_sleep(60)`,
  )
  await arena.migrate({ migrations: [one] })
  await arena.close()
  const program = startNode('test/support/migrating.ts', {}, arena.where, await folderOf([one, slow]))
  const ended = once(program.child, 'exit')
  while (!existsSync(join(arena.where, 'half-way')) && program.child.exitCode === null) await sleep(20)
  program.child.kill('SIGKILL')
  expect(await ended).toEqual([null, 'SIGKILL'])
  const again = await embeddedArena(arena.where)
  const state = `SELECT to_regclass('half')::text AS half, (SELECT count(*)::int FROM _prisma_migrations) AS marks`
  expect(await again.query(state)).toEqual([{ half: null, marks: 1 }])
  const two = migration('2_slow', 'CREATE TABLE half ()')
  expect(await again.migrate({ migrations: [one, two] })).toEqual(['2_slow'])
})
