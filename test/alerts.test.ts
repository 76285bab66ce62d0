import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { blocksOf, ROOT, tableOf } from './support/readme.ts'
import { startServer } from './support/server.ts'
import { freePort } from './support/ports.ts'
import { plainYaml } from './support/yaml.ts'

const PROMTOOL = spawnSync('promtool', ['--version']).status === 0
if (!PROMTOOL) console.warn('SKIPPED: promtool is not installed: the alerts are not evaluated')

type Rule = {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

/** As Prometheus reads them. */
const rules = (await plainYaml(read('deploy/alerts.yaml'))) as {
  groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
}
const alerts = rules.groups.flatMap((group) => group.rules)

type Panel = {
  readonly title: string
  readonly description?: string
  readonly targets?: readonly { readonly expr: string }[]
}
const dashboard = JSON.parse(read('deploy/grafana/dashboard.json')) as { panels: readonly Panel[] }
const panels = dashboard.panels.filter(({ targets }) => targets)
const queries = panels.flatMap(({ targets = [] }) =>
  targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$job', 'fleetshare')),
)

/** The names of metrics in a query, without what Prometheus adds to that of a histogram. */
const metricsIn = (expr: string) =>
  Array.from(expr.matchAll(/\b(?:fleetshare|process|nodejs)_\w+/g), ([name]) => name.replace(/_bucket$/, ''))

it('alerts have a severity, and say what is the matter and what to do', () => {
  expect(alerts.map(({ alert }) => alert)).toContain('FleetShareContradictingRecords')
  expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
  for (const { alert, labels, annotations } of alerts) {
    expect(['critical', 'warning']).toContain(labels['severity'])
    expect(annotations['summary']).toMatch(/\w/)
    expect(annotations['description']).toMatch(/\w/)
    expect(annotations['runbook']).toBe(`docs/runbook.md#${alert.toLowerCase()}`)
  }
})

it('alerts and the dashboard look at metrics that a server has and the docs name', async () => {
  const documented = tableOf(read('docs/operate.md'), 'metric').flatMap(([names = '']) =>
    Array.from(names.matchAll(/`(\w+)`/g), ([, name]) => name),
  )
  const port = await freePort()
  const server = await startServer({ env: { METRICS_PORT: `${port}` } })
  onTestFinished(server.close)
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const served = Array.from(text.matchAll(/^# TYPE (\w+) /gm), ([, name]) => name)
  for (const query of [...alerts.map(({ expr }) => expr), ...queries]) {
    const looked = metricsIn(query)
    expect(looked.length + Number(/\bup\{/.test(query)), query).toBeGreaterThan(0)
    expect(served).toEqual(expect.arrayContaining(looked))
    expect(documented).toEqual(expect.arrayContaining(looked.filter((name) => name.startsWith('fleetshare_'))))
  }
})

it('docs/runbook.md has a section for each alert, and no other: what it is, why, and what to do', () => {
  const [, ...sections] = read('docs/runbook.md').split(/^## /m)
  expect(sections.map((section) => section.split('\n')[0])).toEqual(alerts.map(({ alert }) => alert))
  for (const section of sections)
    expect(Array.from(section.matchAll(/^\*\*([^*]+)\*\*:/gm), ([, head]) => head)).toEqual([
      'What',
      'Why',
      'What to do',
    ])
  expect(blocksOf(read('docs/runbook.md'))).toEqual([])
})

it('the panels of the dashboard say what they show', () => {
  expect(panels.length).toBeGreaterThan(10)
  for (const { title, description } of panels)
    expect([title, description]).toEqual([expect.stringMatching(/\w/), expect.stringMatching(/\w/)])
})

/** Series of an hour, a value per minute, in the notation of promtool: for each alert those that fire it, and those that do not. */
const UP = 'up{job="fleetshare",instance="a"}'
const CASES: Readonly<
  Record<string, { readonly fires: readonly [string, string][]; readonly quiet: readonly [string, string][] }>
> = {
  FleetShareDown: {
    fires: [[UP, '0x60']],
    quiet: [
      [UP, '1x60'],
      ['up{job="fleetshare",instance="b"}', '0x60'],
    ],
  },
  FleetShareInstanceDown: { fires: [[UP, '0x60']], quiet: [[UP, '1x60']] },
  FleetShareRestarts: {
    fires: [['process_start_time_seconds{job="fleetshare"}', '0+300x60']],
    quiet: [['process_start_time_seconds{job="fleetshare"}', '1x30 2x30']],
  },
  FleetShareUnavailable: {
    fires: [['fleetshare_errors_total{code="SERVICE_UNAVAILABLE"}', '0+120x60']],
    quiet: [
      ['fleetshare_errors_total{code="SERVICE_UNAVAILABLE"}', '0+5x60'],
      ['fleetshare_errors_total{code="FORBIDDEN"}', '0+900x60'],
    ],
  },
  FleetShareInternalErrors: {
    fires: [['fleetshare_errors_total{code="INTERNAL_SERVER_ERROR"}', '0x58 1x2']],
    quiet: [['fleetshare_errors_total{code="INTERNAL_SERVER_ERROR"}', '1x60']],
  },
  FleetShareSlow: {
    fires: [
      ['fleetshare_operation_duration_seconds_bucket{type="query",le="0.5"}', '0+10x60'],
      ['fleetshare_operation_duration_seconds_bucket{type="query",le="1"}', '0+60x60'],
      ['fleetshare_operation_duration_seconds_bucket{type="query",le="+Inf"}', '0+60x60'],
    ],
    quiet: [
      ['fleetshare_operation_duration_seconds_bucket{type="query",le="0.5"}', '0+60x60'],
      ['fleetshare_operation_duration_seconds_bucket{type="query",le="+Inf"}', '0+61x60'],
      ['fleetshare_operation_duration_seconds_bucket{type="subscription",le="+Inf"}', '0+900x60'],
    ],
  },
  FleetShareEventLoopBlocked: {
    fires: [['nodejs_eventloop_lag_p99_seconds{job="fleetshare"}', '0.8x60']],
    quiet: [['nodejs_eventloop_lag_p99_seconds{job="fleetshare"}', '0.01x58 0.8x2']],
  },
  FleetSharePoolExhausted: {
    fires: [['fleetshare_pool_waiting', '3x60']],
    quiet: [['fleetshare_pool_waiting', '3x57 0 3x2']],
  },
  FleetShareEventsLate: {
    fires: [['fleetshare_log_age_seconds', '0x50 30x10']],
    quiet: [['fleetshare_log_age_seconds', '0.2x60']],
  },
  FleetShareOpenTransaction: {
    fires: [['fleetshare_log_unsettled', '1x60']],
    quiet: [['fleetshare_log_unsettled', '1x58 0 1']],
  },
  FleetShareLogSetBack: {
    fires: [['fleetshare_log_timeline', '1x55 2x5']],
    quiet: [['fleetshare_log_timeline', '2x60']],
  },
  FleetShareContradictingRecords: {
    fires: [['fleetshare_contradictions_total', '0x58 1x2']],
    quiet: [['fleetshare_contradictions_total', '1x60']],
  },
  FleetShareDueNotRecorded: {
    fires: [['fleetshare_unsettled_total', '0+1x60']],
    quiet: [['fleetshare_unsettled_total', '0x55 1x5']],
  },
  FleetShareGatewaysSilent: {
    fires: [
      ['fleetshare_commands_total{status="EXPIRED"}', '0+2x60'],
      ['fleetshare_commands_total{status="SUCCEEDED"}', '0+1x60'],
    ],
    quiet: [
      ['fleetshare_commands_total{status="EXPIRED"}', '0+1x60'],
      ['fleetshare_commands_total{status="SUCCEEDED"}', '0+2x60'],
    ],
  },
}

describe.skipIf(!PROMTOOL)('promtool', () => {
  const promtool = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8', cwd: join(ROOT, 'deploy') })

  it('takes the rules, the scrape file, and every query of the dashboard', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fleetshare-alerts-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const asRules = queries.map((expr, nth) => ({ record: `query:${nth}`, expr }))
    // JSON is YAML.
    await writeFile(join(folder, 'queries.yaml'), JSON.stringify({ groups: [{ name: 'queries', rules: asRules }] }))
    for (const args of [
      ['check', 'config', 'prometheus.yaml'],
      ['check', 'rules', 'alerts.yaml', join(folder, 'queries.yaml')],
    ]) {
      const { status, stdout, stderr } = promtool(...args)
      expect(status, stdout + stderr).toBe(0)
    }
  })

  it('finds that each alert fires when it is to, and only then', async () => {
    expect(Object.keys(CASES)).toEqual(alerts.map(({ alert }) => alert))
    const folder = await mkdtemp(join(tmpdir(), 'fleetshare-alerts-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const tests = Object.entries(CASES).flatMap(([alert, { fires, quiet }]) =>
      [fires, quiet].map((series) => ({
        interval: '1m',
        input_series: series.map(([name, values]) => ({ series: name, values })),
        promql_expr_test: [
          {
            expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
            eval_time: '59m',
            exp_samples: series === fires ? [{ labels: '{}', value: 1 }] : [],
          },
        ],
      })),
    )
    const rule_files = [join(ROOT, 'deploy/alerts.yaml')]
    await writeFile(join(folder, 'tests.yaml'), JSON.stringify({ rule_files, evaluation_interval: '1m', tests }))
    const { status, stdout, stderr } = promtool('test', 'rules', join(folder, 'tests.yaml'))
    expect(status, stdout + stderr).toBe(0)
  })
})
