import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, inject, it, onTestFinished } from 'vitest'
import { readSettings } from '../src/settings.ts'
import { newDataDir, newPostgresDatabase } from './support/databases.ts'
import { newKey, startProvider } from './support/provider.ts'
import { start, startNode } from './support/process.ts'
import { freePort } from './support/ports.ts'
import { ROOT } from './support/readme.ts'
import { plainYaml } from './support/yaml.ts'

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const { scripts, devDependencies } = JSON.parse(read('package.json')) as Record<
  'scripts' | 'devDependencies',
  Record<string, string>
>
const START = (scripts['start'] ?? '').replace('exec ', '')

/** Its instructions, each on a line, by stage. */
const [buildStage = [], lastStage = []] = read('deploy/Dockerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .split(/^(?=FROM )/m)
  .map((stage) => stage.split('\n').filter((line) => line !== ''))
const argumentsOf = (stage: readonly string[], instruction: RegExp) =>
  stage.flatMap((line) => (instruction.test(line) ? [line.replace(instruction, '').trim()] : []))
const commandOf = (text = '') => JSON.parse(/\[.*\]$/.exec(text)?.[0] ?? 'null') as string[]
const copied = argumentsOf(buildStage, /^COPY /).flatMap((files) => files.split(' ').slice(0, -1))
const kept = argumentsOf(lastStage, /^COPY --from=build /).map((files) => /^\/app\/(\S+)/.exec(files)?.[1] ?? '')
/** The packages of the lock file, by their path; npm prune removes those for development alone. */
const { packages } = JSON.parse(read('package-lock.json')) as {
  packages: Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>
}

const AUTH = { AUTH_JWKS_URL: 'https://id.example/keys', AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' }

type Service = { environment: Record<string, string>; [name: string]: unknown }
const compose = async () =>
  (await plainYaml(read('deploy/compose.yaml'))) as { services: Record<'fleetshare' | 'postgres', Service> }

it('the image is built from files that there are, and are handed to it, with the Node of package.json', () => {
  const handed = read('deploy/Dockerfile.dockerignore').match(/(?<=^!).*$/gm) ?? []
  expect(copied.length).toBeGreaterThan(5)
  expect(copied.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
  expect(copied.toSorted()).toEqual(handed.toSorted())
  expect(kept.filter((file) => file !== 'node_modules' && !copied.includes(file))).toEqual([])
  for (const stage of [buildStage, lastStage]) expect(stage[0]).toContain(`node:${devDependencies['node']}-slim`)
  expect(buildStage.join('\n')).toContain('npm prune --omit=dev')
  for (const [, name = ''] of buildStage.join('\n').matchAll(/npm run (\w+)/g)) expect(scripts).toHaveProperty(name)
})

it('the image runs the command of npm start, not as root, on the default port', () => {
  expect(commandOf(argumentsOf(lastStage, /^CMD /)[0])).toEqual(START.split(' '))
  expect(argumentsOf(lastStage, /^USER /)).toEqual(['node'])
  expect(argumentsOf(lastStage, /^EXPOSE /)).toEqual([String(readSettings({}).port)])
})

it('the files of the image start in production, are found healthy, drain, and are found dead', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-image-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const name of kept.filter((file) => file !== 'node_modules'))
    await cp(join(ROOT, name), join(folder, name), { recursive: true })
  await linkPackages(join(folder, 'node_modules'))
  const key = await newKey('ES256', 'key')
  const provider = await startProvider(key)
  onTestFinished(() => provider.stop())

  const environment = Object.fromEntries(
    argumentsOf(lastStage, /^ENV /).flatMap((line) => line.split(' ').map((pair) => pair.split('='))),
  ) as Record<string, string>
  expect(environment).toEqual({ NODE_ENV: 'production', HOST: '0.0.0.0' })
  const env = {
    ...environment,
    ...provider.env,
    PORT: String(await freePort()),
    SHUTDOWN_DELAY_SECONDS: '0',
    DATABASE_URL: await newPostgresDatabase(inject('postgresUrl')),
    // Packages see only what was linked beside them.
    NODE_OPTIONS: '--preserve-symlinks --preserve-symlinks-main',
  }
  const run = ([command = '', ...args]: readonly string[]) =>
    start('sh', ['-c', 'cd "$0" && exec "$@"', folder, command.replace(/^node$/, process.execPath), ...args], env)
  const server = run(commandOf(argumentsOf(lastStage, /^CMD /)[0]))
  await server.line(new RegExp(`FleetShare listens on http://0\\.0\\.0\\.0:${env.PORT}/graphql`))
  const healthy = commandOf(argumentsOf(lastStage, /^HEALTHCHECK /)[0])
  expect(await run(healthy).ended).toEqual({ code: 0, signal: null })
  server.child.kill('SIGTERM')
  expect(await server.ended).toEqual({ code: 0, signal: null })
  expect(server.complaints).toEqual([])
  expect(await run(healthy).ended).toEqual({ code: 1, signal: null })
})

/** The packages that are left for production. */
async function linkPackages(folder: string): Promise<void> {
  for (const [path, { dev, devOptional }] of Object.entries(packages)) {
    const [, name = ''] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? []
    if (name === '' || dev || devOptional) continue
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await symlink(join(ROOT, path), join(folder, name))
  }
}

it('compose gives the servers settings that they take, and a database that is there', async () => {
  const { services } = await compose()
  const { environment, deploy, ports, build } = services.fleetshare
  const given = { POSTGRES_PASSWORD: 'secret', ...AUTH }
  const asked: string[] = []
  const filled = Object.entries(environment).map(([name, text]) => [
    name,
    text.replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_all, variable: keyof typeof given) => {
      asked.push(variable)
      return given[variable]
    }),
  ])
  expect(new Set(asked)).toEqual(new Set(Object.keys(given)))
  const { databaseUrl, port, provider } = readSettings({
    NODE_ENV: 'production',
    ...(Object.fromEntries(filled) as Record<string, string>),
  })
  const database = new URL(databaseUrl ?? '')
  const [, role = '', owned = ''] =
    /CREATE ROLE (\w+) LOGIN NOSUPERUSER [^;]*;\nCREATE DATABASE (\w+) OWNER \1 /.exec(
      read('deploy/postgres-init.sh'),
    ) ?? []
  expect([database.hostname, database.username, database.pathname]).toEqual(['postgres', role, `/${owned}`])
  expect(database.password).toBe(given.POSTGRES_PASSWORD)
  expect(services.postgres.environment).not.toHaveProperty('POSTGRES_USER')
  expect(provider?.issuer).toBe('i')
  // As many ports as instances.
  expect(deploy).toEqual({ replicas: '2' })
  expect(ports).toEqual([`127.0.0.1:${port}-${port + 1}:${port}`])
  expect(build).toEqual({ context: '..', dockerfile: 'deploy/Dockerfile' })
})

const SYSTEMD = spawnSync('systemd-analyze', ['--version']).status === 0
if (!SYSTEMD) console.warn('SKIPPED: systemd-analyze is not installed: the unit for systemd is not verified')

const unit = read('deploy/fleetshare.service')
const unitValue = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''

it('the unit for systemd runs the command of npm start, with the Node of the checkout, again and again', () => {
  expect(unitValue('ExecStart')).toBe(`${unitValue('WorkingDirectory')}/node_modules/.bin/${START}`)
  expect(existsSync(join(ROOT, 'node_modules/.bin/node'))).toBe(true)
  expect([unitValue('Restart'), unitValue('StartLimitIntervalSec')]).toEqual(['always', '0'])
})

it.skipIf(!SYSTEMD)('the unit for systemd is valid, and exposes less than 2.0 of 10', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-unit-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'fleetshare.service')
  const local = unit.replaceAll(unitValue('WorkingDirectory'), ROOT).replace('EnvironmentFile=', 'EnvironmentFile=-')
  await writeFile(file, local)
  const { stderr, status } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
  const security = spawnSync('systemd-analyze', ['--offline=true', '--threshold=19', 'security', file], {
    encoding: 'utf8',
  })
  expect(security.status, security.stdout).toBe(0)
})

it('supervisors wait as long as the server serves on and drains', async () => {
  const { services } = await compose()
  const production = readSettings({ NODE_ENV: 'production', DATABASE_URL: 'postgres://db', ...AUTH })
  const longest = production.shutdownDelayMs / 1000 + 10
  for (const limit of [unitValue('TimeoutStopSec'), services.fleetshare['stop_grace_period']])
    expect(parseInt(String(limit), 10)).toBeGreaterThan(longest)
})

it('the server tells systemd that it listens, if systemd asks for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-notify-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const dataDir = await newDataDir(inject('embeddedTemplate'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const program = join(folder, 'systemd-notify')
  await writeFile(program, '#!/bin/sh\necho "notified $NOTIFY_SOCKET $*" >"${0%/*}/told"\nkill -TERM $PPID\n', {
    mode: 0o755,
  })
  const env = {
    PORT: '0',
    DATA_DIR: dataDir,
    PATH: `${folder}:${process.env['PATH']}`,
    NOTIFY_SOCKET: '/run/systemd/notify',
  }
  const server = startNode('src/main.ts', env)
  await server.line(/FleetShare listens on/)
  expect(await server.ended).toEqual({ code: 0, signal: null })
  expect(readFileSync(join(folder, 'told'), 'utf8')).toBe('notified /run/systemd/notify --ready\n')
})
