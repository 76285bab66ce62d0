import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readSettings } from '../src/settings.ts'
import { ROOT } from './support/readme.ts'
import { plainYaml } from './support/yaml.ts'

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const { description, license, dependencies } = JSON.parse(read('package.json')) as {
  description: string
  license: string
  dependencies: Record<string, string>
}
const settings = Array.from(read('src/settings.ts').matchAll(/^ {2}([A-Z_]+): given\(/gm), ([, name]) => name)

type Probe = { readonly httpGet: { readonly path: string; readonly port: string } }
type Container = {
  readonly envFrom: readonly { readonly secretRef: { readonly name: string } }[]
  readonly env: readonly { readonly name: string; readonly value: string }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: string }[]
  readonly securityContext: object
} & Readonly<Record<'startupProbe' | 'livenessProbe' | 'readinessProbe', Probe>>
type Pods = {
  readonly terminationGracePeriodSeconds: string
  readonly securityContext: { readonly runAsNonRoot: string }
  readonly containers: readonly [Container]
}
type Resource = {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly selector: object
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: Pods }
    readonly strategy: object
    readonly ports: readonly { readonly port: string; readonly targetPort: string }[]
  }
}
type Compose = {
  readonly services: Readonly<
    Record<string, { readonly environment?: Record<string, string>; readonly volumes?: readonly string[] }>
  >
}

const METRICS = '9464'
const resources = (await Promise.all(read('deploy/kubernetes.yaml').split(/^---$/m).map(plainYaml))) as Resource[]
const resource = (kind: string, name = 'fleetshare') => {
  const found = resources.find((one) => one.kind === kind && one.metadata.name === name)
  if (!found) throw new Error(`there is no ${kind} ${name}`)
  return found.spec
}

it('Kubernetes asks an instance what it can tell, replaces it without a gap, and lets it serve on and drain', () => {
  const { template, strategy } = resource('Deployment')
  const [container] = template.spec.containers
  const pathOf = ({ httpGet }: Probe) => [httpGet.path, httpGet.port]
  expect(pathOf(container.startupProbe)).toEqual(['/health', 'http'])
  expect(pathOf(container.livenessProbe)).toEqual(['/health', 'http'])
  expect(pathOf(container.readinessProbe)).toEqual(['/ready', 'http'])
  expect(strategy).toEqual({ rollingUpdate: { maxSurge: '1', maxUnavailable: '0' } })
  const AUTH = { AUTH_JWKS_URL: 'https://id.example/keys', AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' }
  const { shutdownDelayMs, port } = readSettings({ NODE_ENV: 'production', DATABASE_URL: 'postgres://db', ...AUTH })
  expect(Number(template.spec.terminationGracePeriodSeconds)).toBeGreaterThan(shutdownDelayMs / 1000 + 10)
  expect(container.ports).toEqual([
    { name: 'http', containerPort: String(port) },
    { name: 'metrics', containerPort: METRICS },
  ])
  for (const { name } of container.env) expect(settings).toContain(name)
  expect(template.spec.securityContext.runAsNonRoot).toBe('true')
  expect(container.securityContext).toMatchObject({ allowPrivilegeEscalation: 'false', readOnlyRootFilesystem: 'true' })
})

it('Kubernetes leads to the instances, and names in the comment the settings that production needs', () => {
  const { labels } = resource('Deployment').template.metadata
  for (const name of ['fleetshare', 'fleetshare-metrics']) expect(resource('Service', name).selector).toEqual(labels)
  for (const kind of ['Deployment', 'PodDisruptionBudget'])
    expect(resource(kind).selector).toEqual({ matchLabels: labels })
  expect(resource('Service').ports).toEqual([{ name: 'http', port: '4000', targetPort: 'http' }])
  const named = read('deploy/kubernetes.yaml').match(/(?<=--from-literal=)\w+/g) ?? []
  expect(named).toEqual(['DATABASE_URL', 'AUTH_JWKS_URL', 'AUTH_ISSUER', 'AUTH_AUDIENCE'])
})

it('Compose mounts files that there are, and Prometheus asks the port that serves metrics', async () => {
  const { services } = (await plainYaml(read('deploy/compose.yaml'))) as Compose
  const mounted = Object.values(services).flatMap(({ volumes = [] }) =>
    volumes.flatMap((volume) => /^\.\/([^:]+):/.exec(volume)?.[1] ?? []),
  )
  expect(mounted.length).toBeGreaterThan(5)
  for (const file of mounted) expect(existsSync(join(ROOT, 'deploy', file)), file).toBe(true)
  expect(services['fleetshare']?.environment?.['METRICS_PORT']).toBe(METRICS)
  const scrape = /names: \[(\w+)\]\n *type: A\n *port: (\d+)/.exec(read('deploy/prometheus.yaml'))
  expect(scrape?.slice(1)).toEqual(['fleetshare', METRICS])
  expect(resource('Service', 'fleetshare-metrics').ports[0]?.port).toBe(METRICS)
  expect(resource('Deployment').template.spec.containers[0].env).toContainEqual({
    name: 'METRICS_PORT',
    value: METRICS,
  })
  for (const file of ['Caddyfile', 'grafana/dashboard.json']) expect(mounted).toContain(file)
})

it('the image says what it is', () => {
  const labels = Array.from(read('deploy/Dockerfile').matchAll(/org\.opencontainers\.image\.(\w+)="([^"]+)"/g))
  expect(Object.fromEntries(labels.map(([, name, value]) => [name, value]))).toEqual({
    title: 'FleetShare',
    description,
    licenses: license,
    version: '$VERSION',
    revision: '$REVISION',
  })
})

it('a release lists every package that production needs', () => {
  const command = /npm sbom [^>\n]*/.exec(read('.github/workflows/release.yaml'))?.[0] ?? ''
  const { stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8', cwd: ROOT })
  const { bomFormat, components } = JSON.parse(stdout) as {
    bomFormat: string
    components: readonly { readonly name: string; readonly version: string }[]
  }
  expect([bomFormat, stderr]).toEqual(['CycloneDX', ''])
  const listed = components.map(({ name, version }) => `${name}@${version}`)
  expect(listed).toEqual(expect.arrayContaining(Object.entries(dependencies).map((pair) => pair.join('@'))))
})

const CADDY = spawnSync('caddy', ['version']).status === 0
if (!CADDY) console.warn('SKIPPED: caddy is not installed: its configuration is not validated')

it.skipIf(!CADDY)('Caddy takes its configuration', () => {
  const args = ['validate', '--adapter', 'caddyfile', '--config', join(ROOT, 'deploy/Caddyfile')]
  const { status, stderr } = spawnSync('caddy', args, { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
})
