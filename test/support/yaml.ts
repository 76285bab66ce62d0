import { parsers } from 'prettier/plugins/yaml'

/** What a reader of YAML would read, as plain values: of a text with mappings, lists and words. */
export const plainYaml = async (text: string): Promise<unknown> =>
  plain(await (parsers.yaml.parse as (text: string, options: object) => unknown)(text, {}))

function plain(node: unknown): unknown {
  const { type, value, children = [] } = node as { type: string; value?: string; children?: unknown[] }
  if (type === 'mapping' || type === 'flowMapping')
    return Object.fromEntries(children.map((pair) => plain(pair) as [string, unknown]))
  if (type.endsWith('appingItem') || type.endsWith('Sequence') || type === 'sequence') return children.map(plain)
  return children.length > 0 ? plain(children.at(-1)) : (value ?? null)
}
