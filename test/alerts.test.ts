import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT, tableOf } from './support/readme.ts'
import { plainYaml } from './support/yaml.ts'

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

it('alerts look at metrics that there are, and say what is the matter', () => {
  const metrics = tableOf(read('docs/operate.md'), 'metric').flatMap(([names = '']) =>
    Array.from(names.matchAll(/`(\w+)`/g), ([, name]) => name),
  )
  const alerts = rules.groups.flatMap((group) => group.rules)
  expect(alerts.map(({ alert }) => alert)).toContain('FleetShareContradictingRecords')
  expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
  for (const { expr, labels, annotations } of alerts) {
    const looked = expr.match(/fleetshare_\w+/g) ?? []
    expect(looked.length).toBeGreaterThan(0)
    expect(metrics).toEqual(expect.arrayContaining(looked))
    expect(['critical', 'warning']).toContain(labels['severity'])
    expect(annotations['summary']).toMatch(/\w/)
    expect(annotations['description']).toMatch(/\w/)
  }
})
