import { parsers } from 'prettier/plugins/typescript'

export type Node = { readonly type: string } & Readonly<Record<string, unknown>>

export const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value

function* nodesOf(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* nodesOf(item)
  if (!isNode(value)) return
  yield value
  for (const child of Object.values(value)) yield* nodesOf(child)
}

/** Every node of the syntax tree, so that neither a comment nor a text is taken for code. */
export const parse = (text: string, filepath = 'file.ts'): Node[] => [
  ...nodesOf((parsers.typescript.parse as (text: string, options: object) => unknown)(text, { filepath })),
]

/** A name that is written out, or null for one that only running the program would tell. */
const literal = (node: unknown): string | null =>
  isNode(node) && typeof node['value'] === 'string' ? node['value'] : null

const isCallOf = (node: Node, ...names: string[]): boolean => {
  const { callee } = node
  if (node.type !== 'CallExpression' || !isNode(callee)) return false
  const last = callee.type === 'MemberExpression' ? callee['property'] : callee
  return isNode(last) && names.includes(String(last['name']))
}

/** All that a file imports: statically, dynamically, as a type, by re-export or require. null stands for an unknown one. */
export const importsOf = (nodes: readonly Node[]): (string | null)[] =>
  nodes.flatMap((node) => {
    if (isCallOf(node, 'require', 'getBuiltinModule')) return [literal((node['arguments'] as unknown[])[0])]
    const imports = ['ImportDeclaration', 'ImportExpression', 'TSImportType', 'TSExternalModuleReference']
    const reExports = ['ExportNamedDeclaration', 'ExportAllDeclaration']
    const counts = imports.includes(node.type) || (reExports.includes(node.type) && isNode(node['source']))
    return counts ? [literal(node['source'] ?? node['expression'])] : []
  })
