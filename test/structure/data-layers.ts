/**
 * The files and packages that a file of each folder may import (`node:` for Node's own modules). A folder has a row of its
 * own, also one within another, and its name stands for its own files without those of folders within it. All rows together
 * point one way. Files of the same folder may import each other, except at the top, where each is named.
 */
export type Layers = Readonly<Record<string, { readonly own: readonly string[]; readonly packages: readonly string[] }>>

/** Of the folders of src/data/. */
export const DATA_LAYERS: Layers = {
  'src/data/database/': {
    own: ['src/domain/'],
    packages: ['@electric-sql/pglite', '@prisma/driver-adapter-utils', 'node:', 'pg'],
  },
  'src/data/migrations/': { own: [], packages: ['@electric-sql/pglite', 'node:', 'pg'] },
  'src/data/connection/': {
    own: ['src/data/database/', 'src/data/migrations/', 'src/folder.ts', 'src/generated/'],
    packages: [
      '@electric-sql/pglite',
      '@prisma/adapter-pg',
      '@prisma/driver-adapter-utils',
      'node:',
      'pg',
      'pglite-prisma-adapter',
    ],
  },
  // Types alone: what the rooms above it are given.
  'src/data/services.ts': {
    own: ['src/data/database/', 'src/domain/', 'src/domain/log/', 'src/generated/'],
    packages: [],
  },
  'src/data/standby/': {
    own: ['src/data/connection/', 'src/data/database/', 'src/data/services.ts'],
    packages: [],
  },
  'src/data/tables/': { own: ['src/domain/', 'src/domain/log/'], packages: [] },
  'src/data/queries/': {
    own: [
      'src/data/database/',
      'src/data/services.ts',
      'src/data/tables/',
      'src/domain/',
      'src/domain/access/',
      'src/domain/handover/',
      'src/generated/',
    ],
    packages: ['dataloader', 'lru-cache', 'node:'],
  },
  'src/data/decisions/': {
    own: [
      'src/data/database/',
      'src/data/queries/',
      'src/data/services.ts',
      'src/data/tables/',
      'src/domain/',
      'src/domain/access/',
      'src/domain/handover/',
      'src/domain/log/',
      'src/domain/verify/',
    ],
    packages: ['lru-cache', 'node:'],
  },
  'src/data/verbs/': {
    own: [
      'src/data/database/',
      'src/data/decisions/',
      'src/data/services.ts',
      'src/data/tables/',
      'src/domain/',
      'src/domain/access/',
      'src/domain/handover/',
      'src/domain/log/',
    ],
    packages: ['lru-cache', 'node:'],
  },
  'src/data/log/': {
    own: ['src/async/', 'src/data/database/', 'src/data/services.ts', 'src/data/tables/', 'src/domain/log/'],
    packages: ['node:'],
  },
  'src/data/queries/history/': {
    own: ['src/data/database/', 'src/data/queries/', 'src/data/services.ts', 'src/data/tables/', 'src/domain/'],
    packages: [],
  },
  'src/data/queries/search/': {
    own: [
      'src/data/database/',
      'src/data/queries/',
      'src/data/services.ts',
      'src/data/tables/',
      'src/domain/',
      'src/domain/access/',
    ],
    packages: [],
  },
  // The one door: the rooms above it know this file and its types.
  'src/data/client.ts': {
    own: [
      'src/data/decisions/',
      'src/data/log/',
      'src/data/queries/',
      'src/data/queries/history/',
      'src/data/queries/search/',
      'src/data/services.ts',
      'src/data/verbs/',
    ],
    packages: [],
  },
  'src/data/create-services.ts': {
    own: [
      'src/async/',
      'src/data/connection/',
      'src/data/database/',
      'src/data/decisions/',
      'src/data/log/',
      'src/data/queries/',
      'src/data/services.ts',
      'src/data/standby/',
    ],
    packages: [],
  },
  'src/data/verify/': {
    own: [
      'src/data/connection/',
      'src/data/database/',
      'src/data/decisions/',
      'src/data/tables/',
      'src/domain/',
      'src/domain/verify/',
    ],
    packages: ['node:', 'pg'],
  },
}
