import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from './support/readme.ts'
import { plainYaml } from './support/yaml.ts'

const read = (file: string) => readFileSync(join(ROOT, 'deploy/ha', file), 'utf8')
const SCRIPT = join(ROOT, 'deploy/ha/cluster.sh')
const script = read('cluster.sh')

type Patroni = {
  readonly bootstrap: {
    readonly dcs: Readonly<Record<string, string>> & {
      readonly postgresql: Readonly<Record<string, string>> & { readonly parameters: Readonly<Record<string, string>> }
    }
    readonly initdb: readonly unknown[]
  }
}

it('the script of the cluster is one that bash reads, and says what it takes', () => {
  for (const file of [SCRIPT, join(ROOT, 'deploy/ha/backup.sh')])
    expect(spawnSync('bash', ['-n', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
  const { status, stdout } = spawnSync(SCRIPT, [], { encoding: 'utf8' })
  expect(status).toBe(1)
  const commands = Array.from(script.matchAll(/^ {2}(\w+)\) /gm), ([, name]) => name)
  for (const name of commands) if (name !== 'supervise') expect(stdout).toMatch(new RegExp(`\\b${name} DIR`))
  expect(spawnSync(SCRIPT, ['down', '/nowhere'], { encoding: 'utf8' }).stderr).toContain('/nowhere has no cluster')
})

it.each(['patroni.yaml', 'haproxy.cfg'])('the script fills in all that %s leaves open', (file) => {
  const filled = new Set(Array.from(script.matchAll(/s\|\$\{(\w+)\}\|/g), ([, name]) => name))
  const open = Array.from(read(file).matchAll(/\$\{(\w+)\}/g), ([, name]) => name)
  expect(open.length).toBeGreaterThan(0)
  expect(open.filter((name) => !filled.has(name))).toEqual([])
})

it('Patroni loses nothing that was acknowledged, and gives up a primary no later than the page says', async () => {
  const { bootstrap } = (await plainYaml(read('patroni.yaml'))) as Patroni
  const { dcs, initdb } = bootstrap
  expect(dcs).toMatchObject({ synchronous_mode: 'true', synchronous_mode_strict: 'true', failsafe_mode: 'true' })
  expect(dcs.postgresql['use_pg_rewind']).toBe('true')
  expect(dcs.postgresql.parameters['synchronous_commit']).toBe('on')
  expect(initdb).toContain('data-checksums')
  const [ttl, wait, retry] = ['ttl', 'loop_wait', 'retry_timeout'].map((name) => Number(dcs[name]))
  expect((wait ?? NaN) + 2 * (retry ?? NaN)).toBeLessThanOrEqual(ttl ?? NaN)
  expect(readFileSync(join(ROOT, 'docs/availability.md'), 'utf8')).toContain(`\`ttl\`, ${ttl} s`)
})

it('the server is led to the primary and to its standby, and away from a node that is neither any more', () => {
  const sections = read('haproxy.cfg')
    .split(/^listen /m)
    .slice(1)
  const ports = sections.map((section) => [/^\w+/.exec(section)?.[0], /bind \$\{ADDRESS\}:(\d+)/.exec(section)?.[1]])
  expect(ports).toEqual([
    ['primary', /DATABASE_URL="\$url:(\d+)/.exec(script)?.[1]],
    ['standby', /DATABASE_REPLICA_URL="\$url:(\d+)/.exec(script)?.[1]],
  ])
  for (const section of sections) expect(section).toMatch(/check port 8008 .*on-marked-down shutdown-sessions/)
  expect(sections.map((section) => /httpchk GET (\/\w+)/.exec(section)?.[1])).toEqual(['/primary', '/replica'])
})
