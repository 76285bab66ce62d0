/**
 * The files and packages that a file of each folder may import (`node:` for Node's own modules). A folder has a row of its
 * own, also one within another, and its name stands for its own files without those of folders within it. All rows together
 * point one way. Files of the same folder may import each other, except at the top, where each is named.
 */
export type Layers = Readonly<Record<string, { readonly own: readonly string[]; readonly packages: readonly string[] }>>

export const LAYERS: Layers = {
  'src/domain/': { own: [], packages: [] },
  'src/data/': {
    own: ['src/domain/', 'src/generated/'],
    packages: [
      'node:',
      '@electric-sql/pglite',
      '@prisma/adapter-pg',
      '@prisma/driver-adapter-utils',
      '@prisma/schema-engine-wasm',
      'dataloader',
      'lru-cache',
      'pg',
      'pglite-prisma-adapter',
    ],
  },
  'src/events/': { own: ['src/data/', 'src/domain/', 'src/async/'], packages: ['p-limit'] },
  'src/graphql/': {
    own: ['src/events/', 'src/data/', 'src/domain/'],
    packages: ['@pothos/core', '@pothos/plugin-errors', 'graphql'],
  },
  // The one file that writes a file.
  'src/graphql/print.ts': { own: ['src/graphql/schema.ts'], packages: ['node:', 'graphql'] },
  // What asynchronous code needs everywhere.
  'src/async/': { own: [], packages: [] },
  // What the server's rooms serve is handed to them: they never reach for the data themselves.
  'src/server/auth/': {
    own: ['src/domain/', 'src/settings.ts'],
    packages: ['node:', 'jose', 'lru-cache'],
  },
  'src/server/limits/': {
    own: ['src/graphql/', 'src/domain/'],
    packages: ['node:', 'graphql', 'graphql-yoga', 'lru-cache'],
  },
  'src/server/telemetry/': {
    own: ['src/graphql/', 'src/settings.ts'],
    packages: [
      'node:',
      '@opentelemetry/api',
      '@opentelemetry/core',
      '@opentelemetry/exporter-trace-otlp-http',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-trace',
      'graphql',
      'graphql-yoga',
      'pino',
      'prom-client',
    ],
  },
  'src/server/pages/': {
    own: ['src/server/auth/', 'src/graphql/', 'src/settings.ts', 'prisma/demo.ts'],
    packages: ['node:', '@graphql-yoga/render-graphiql'],
  },
  'src/server/engine/': {
    // Of what follows the log it knows the types.
    own: [
      'src/server/limits/',
      'src/server/telemetry/',
      'src/graphql/',
      'src/events/',
      'src/domain/',
      'src/async/',
      'src/settings.ts',
    ],
    packages: ['node:', 'graphql', 'graphql-jit', 'graphql-yoga', 'lru-cache', 'pino'],
  },
  'src/server/http/': {
    own: [
      'src/server/engine/',
      'src/server/limits/',
      'src/server/telemetry/',
      'src/server/pages/',
      'src/server/auth/',
      'src/graphql/',
      'src/domain/',
      'src/async/',
    ],
    packages: ['node:', 'graphql', 'pino'],
  },
  'src/server/websocket/': {
    own: [
      'src/server/engine/',
      'src/server/limits/',
      'src/server/telemetry/',
      'src/server/auth/',
      'src/graphql/',
      'src/domain/',
      'src/async/',
    ],
    packages: ['node:', 'graphql', 'graphql-ws', 'pino', 'ws'],
  },
  // A client like any other: it knows the API, and the ids of the demo world.
  'src/simulator/': { own: ['prisma/demo.ts'], packages: ['node:', 'graphql-ws', 'ws'] },
  // A client like any other, in a browser, that knows what the codes mean; it is bundled, and the server hands it out.
  'src/console/': {
    own: ['src/domain/', 'src/generated/'],
    packages: ['@urql/core', 'gql.tada', 'graphql-ws', 'preact'],
  },
  'src/children.ts': { own: [], packages: ['node:'] },
  'src/command.ts': { own: ['src/settings.ts'], packages: ['node:'] },
  'src/demo.ts': {
    own: ['src/children.ts', 'src/command.ts', 'src/server/auth/keys.ts', 'src/settings.ts'],
    packages: ['node:'],
  },
  'src/instances.ts': { own: ['src/children.ts', 'src/command.ts', 'src/settings.ts'], packages: [] },
  'src/settings.ts': { own: [], packages: ['zod'] },
  'src/log.ts': { own: ['src/settings.ts'], packages: ['pino'] },
  'src/app.ts': {
    own: [
      'src/async/',
      'src/data/',
      'src/events/',
      'src/server/auth/',
      'src/server/engine/',
      'src/server/http/',
      'src/server/limits/',
      'src/server/pages/',
      'src/server/telemetry/',
      'src/server/websocket/',
      'src/log.ts',
      'src/settings.ts',
    ],
    packages: ['node:', 'pino'],
  },
  'src/main.ts': { own: ['src/app.ts', 'src/log.ts', 'src/settings.ts', 'prisma/seed.ts'], packages: [] },
  'src/migrate.ts': { own: ['src/data/', 'src/command.ts'], packages: [] },
  'src/token.ts': { own: ['src/domain/', 'src/server/auth/keys.ts', 'src/settings.ts'], packages: ['node:'] },
}

/** Source files that a folder may have. */
export const MOST_FILES = 12

/** Temporary: folders that have more. To be deleted one by one as each is split. */
export const LARGE_FOLDERS: readonly string[] = ['src/console/', 'src/data/', 'src/domain/', 'src/graphql/']

/** Temporary: files that import each other in a circle. To be deleted one by one as each is opened. */
export const CIRCLES: readonly (readonly string[])[] = [
  ['src/data/client.ts', 'src/data/log.ts'],
  [
    'src/domain/command.ts',
    'src/domain/errors.ts',
    'src/domain/sharing.ts',
    'src/domain/state.ts',
    'src/domain/text.ts',
    'src/domain/vehicle.ts',
  ],
  ['src/graphql/base/builder.ts', 'src/graphql/base/context.ts', 'src/graphql/base/errors.ts'],
  ['src/graphql/types/sharing.ts', 'src/graphql/types/vehicle.ts'],
]
