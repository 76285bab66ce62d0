import { isNode } from './syntax.ts'
import type { Node } from './syntax.ts'

/** @returns default exports, re-exports, and classes that are no errors */
export const wrongShapes = (file: string, nodes: readonly Node[]): string[] =>
  nodes.flatMap((node) => {
    if (node.type === 'ExportDefaultDeclaration') return [`${file} has a default export`]
    if (node.type === 'TSExportAssignment') return [`${file} has a default export`]
    if (node.type === 'ExportSpecifier') {
      const { exported } = node
      if (isNode(exported) && (exported['name'] ?? exported['value']) === 'default')
        return [`${file} has a default export`]
    }
    if (node.type === 'ExportAllDeclaration') return [`${file} re-exports`]
    if (node.type === 'ExportNamedDeclaration' && isNode(node['source'])) return [`${file} re-exports`]
    if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') return []
    const parent = isNode(node['superClass']) ? String(node['superClass']['name']) : ''
    return parent.endsWith('Error') ? [] : [`${file} has a class that is no error`]
  })
