import type { Fault } from './fault.ts'

/** Faults of what clients are sent, and for how long. */
export const SERVER_FAULTS: readonly Fault[] = [
  {
    name: 'a stream outlives its token',
    by: ['expiry'],
    patches: [
      { file: 'src/live/stream.ts', find: ' || Date.now() >= until', replace: '' },
      { file: 'src/live/stream.ts', find: 'atInstant(until, ', replace: 'atInstant(Infinity, ' },
      { file: 'src/server/http/event-stream.ts', find: 'Date.now() < until', replace: 'until > 0' },
      { file: 'src/server/http/event-stream.ts', find: 'atInstant(until, ', replace: 'atInstant(Infinity, ' },
    ],
  },

  {
    name: 'a socket outlives its token',
    by: ['expiry'],
    patches: [
      { file: 'src/live/stream.ts', find: ' || Date.now() >= until', replace: '' },
      { file: 'src/live/stream.ts', find: 'atInstant(until, ', replace: 'atInstant(Infinity, ' },
      { file: 'src/server/http/event-stream.ts', find: 'Date.now() < until', replace: 'until > 0' },
      { file: 'src/server/http/event-stream.ts', find: 'atInstant(until, ', replace: 'atInstant(Infinity, ' },
      { file: 'src/server/websocket/connection.ts', find: '?? Infinity) <= Date.now()', replace: '?? Infinity) <= 0' },
      {
        file: 'src/server/websocket/protocol.ts',
        find: 'atInstant(viewer.expiresAt, ',
        replace: 'atInstant(Infinity, ',
      },
    ],
  },

  {
    name: 'a stop tells streams that they are complete',
    by: ['complete'],
    patches: [{ file: 'src/app.ts', find: 'closed, http.cutStreams, ', replace: 'closed, tail.stop, ' }],
  },

  {
    name: 'a failure is told with all its details',
    by: ['leak'],
    patches: [
      {
        file: 'src/graphql/base/errors.ts',
        find: 'new GraphQLError(MASKED, { ...where',
        replace: 'new GraphQLError(String(originalError ?? error), { ...where',
      },
    ],
  },
]
