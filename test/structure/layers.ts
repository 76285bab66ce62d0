import { DATA_LAYERS } from './data-layers.ts'
import type { Layers } from './data-layers.ts'

export type { Layers } from './data-layers.ts'

export const LAYERS: Layers = {
  ...DATA_LAYERS,
  'src/async/': { own: [], packages: [] },
  'src/folder.ts': { own: [], packages: ['node:'] },
  'src/domain/': { own: [], packages: [] },
  'src/domain/log/': { own: ['src/domain/'], packages: [] },
  'src/domain/handover/': { own: ['src/domain/'], packages: [] },
  'src/domain/access/': { own: ['src/domain/'], packages: [] },
  'src/domain/verify/': { own: ['src/domain/', 'src/domain/handover/', 'src/domain/log/'], packages: [] },
  'src/background/': { own: ['src/data/client.ts', 'src/domain/access/', 'src/domain/log/'], packages: [] },
  'src/live/': { own: ['src/async/', 'src/data/client.ts', 'src/domain/', 'src/domain/log/'], packages: ['p-limit'] },
  'src/graphql/base/': {
    own: [
      'src/data/client.ts',
      'src/data/database/',
      'src/data/decisions/',
      'src/data/log/',
      'src/data/queries/',
      'src/domain/',
      'src/domain/access/',
      'src/live/',
    ],
    packages: ['@pothos/core', '@pothos/plugin-errors', 'graphql'],
  },
  'src/graphql/handover/': { own: ['src/domain/', 'src/domain/handover/', 'src/graphql/base/'], packages: [] },
  'src/graphql/types/': {
    own: [
      'src/data/decisions/',
      'src/data/queries/',
      'src/data/services.ts',
      'src/data/verbs/',
      'src/domain/',
      'src/domain/access/',
      'src/domain/handover/',
      'src/domain/log/',
      'src/graphql/base/',
      'src/graphql/handover/',
      'src/live/',
    ],
    packages: ['@pothos/core'],
  },
  'src/graphql/lists/': {
    own: ['src/domain/', 'src/domain/access/', 'src/graphql/base/', 'src/graphql/types/'],
    packages: [],
  },
  'src/graphql/schema.ts': {
    own: ['src/graphql/base/', 'src/graphql/lists/', 'src/graphql/types/'],
    packages: ['graphql'],
  },
  'src/server/limits/': {
    own: ['src/domain/access/', 'src/graphql/base/', 'src/graphql/schema.ts'],
    packages: ['graphql', 'graphql-yoga', 'lru-cache', 'node:'],
  },
  'src/settings.ts': { own: ['src/data/connection/', 'src/domain/access/'], packages: ['zod'] },
  // The server's rooms are handed what they serve: they never reach for the data themselves.
  'src/server/auth/': {
    own: ['src/domain/', 'src/domain/access/', 'src/folder.ts', 'src/settings.ts'],
    packages: ['jose', 'lru-cache', 'node:'],
  },
  'src/version.ts': { own: ['package.json'], packages: [] },
  'src/server/telemetry/': {
    own: ['src/graphql/base/', 'src/settings.ts', 'src/version.ts'],
    packages: [
      '@opentelemetry/api',
      '@opentelemetry/core',
      '@opentelemetry/exporter-trace-otlp-http',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-trace',
      'graphql',
      'graphql-yoga',
      'node:',
      'pino',
      'prom-client',
    ],
  },
  'src/server/engine/compile/': {
    own: ['src/graphql/base/', 'src/graphql/schema.ts', 'src/server/limits/'],
    packages: ['graphql', 'graphql-jit'],
  },
  'src/server/engine/bounds/': {
    own: ['src/server/engine/compile/', 'src/server/limits/'],
    packages: ['graphql', 'lru-cache'],
  },
  'src/server/engine/': {
    own: [
      'src/async/',
      'src/domain/log/',
      'src/graphql/base/',
      'src/graphql/schema.ts',
      'src/live/',
      'src/server/engine/bounds/',
      'src/server/engine/compile/',
      'src/server/limits/',
      'src/server/telemetry/',
      'src/settings.ts',
    ],
    packages: ['@whatwg-node/server', 'graphql', 'graphql-yoga', 'lru-cache', 'node:', 'pino'],
  },
  // The one file that writes a file.
  'src/graphql/print.ts': { own: ['src/graphql/schema.ts'], packages: ['graphql', 'node:'] },
  'src/server/pages/': {
    own: ['prisma/demo.ts', 'src/graphql/print.ts', 'src/server/auth/', 'src/settings.ts'],
    packages: ['@graphql-yoga/render-graphiql', 'node:'],
  },
  'src/server/http/': {
    own: [
      'src/async/',
      'src/domain/',
      'src/domain/access/',
      'src/graphql/base/',
      'src/server/auth/',
      'src/server/engine/',
      'src/server/engine/compile/',
      'src/server/limits/',
      'src/server/pages/',
      'src/server/telemetry/',
      'src/version.ts',
    ],
    packages: ['graphql', 'node:', 'pino'],
  },
  'src/server/websocket/': {
    own: [
      'src/async/',
      'src/domain/access/',
      'src/graphql/base/',
      'src/server/auth/',
      'src/server/engine/',
      'src/server/limits/',
      'src/server/telemetry/',
    ],
    packages: ['graphql', 'graphql-ws', 'node:', 'pino', 'ws'],
  },
  'src/log.ts': { own: ['src/settings.ts'], packages: ['pino'] },
  'src/app.ts': {
    own: [
      'src/async/',
      'src/background/',
      'src/data/client.ts',
      'src/data/connection/',
      'src/data/create-services.ts',
      'src/data/migrations/',
      'src/data/services.ts',
      'src/data/standby/',
      'src/live/',
      'src/log.ts',
      'src/server/auth/',
      'src/server/engine/',
      'src/server/http/',
      'src/server/limits/',
      'src/server/pages/',
      'src/server/telemetry/',
      'src/server/websocket/',
      'src/settings.ts',
    ],
    packages: ['node:', 'pino'],
  },
  'src/cli/': {
    own: [
      'src/data/client.ts',
      'src/data/connection/',
      'src/data/create-services.ts',
      'src/data/database/',
      'src/data/verify/',
      'src/domain/',
      'src/domain/access/',
      'src/server/auth/',
      'src/settings.ts',
      'src/version.ts',
    ],
    packages: ['node:'],
  },
  // A client like any other, in a browser, that knows what the codes mean; it is bundled, and the server hands it out.
  'src/console/api/': {
    own: ['src/domain/log/', 'src/generated/'],
    packages: ['@urql/core', 'gql.tada', 'graphql-ws', 'preact'],
  },
  'src/console/ui/': { own: ['src/console/api/', 'src/domain/'], packages: ['preact'] },
  'src/console/vehicle/': { own: ['src/console/api/', 'src/console/ui/'], packages: ['preact'] },
  'src/console/fleet/': { own: ['src/console/api/', 'src/console/ui/', 'src/console/vehicle/'], packages: ['preact'] },
  'src/console/main.tsx': { own: ['src/console/fleet/', 'src/console/vehicle/'], packages: ['preact'] },
  'src/start.ts': {
    own: ['src/app.ts', 'src/data/connection/', 'src/server/http/', 'src/settings.ts'],
    packages: ['node:'],
  },
  'src/main.ts': {
    own: [
      'prisma/seed.ts',
      'src/app.ts',
      'src/data/connection/',
      'src/log.ts',
      'src/settings.ts',
      'src/start.ts',
      'src/version.ts',
    ],
    packages: ['node:'],
  },
  // A client like any other: it knows the API, and the ids of the demo world.
  'src/simulator/': { own: ['prisma/demo.ts'], packages: ['graphql-ws', 'node:', 'ws'] },
}

/** Source files that a folder may have. */
export const MOST_FILES = 12
