import { createServer } from 'node:http'
import { useServer } from 'graphql-ws/use/ws'
import { createYoga } from 'graphql-yoga'
import { WebSocketServer } from 'ws'
import { builder } from './builder.ts'
import type { Context } from './builder.ts'
import './schema.ts'
import './changes.ts'
import './reports.ts'
import { createVerify } from '../viewer.ts'

/** Yoga, Pothos, Prisma and graphql-ws put together as their documentation shows. */

const verify = createVerify()
const schema = builder.toSchema()
const yoga = createYoga<object, Context>({
  schema,
  graphiql: false,
  context: async ({ request }) => ({ viewer: await verify(request.headers.get('authorization') ?? undefined) }),
})
const server = createServer(yoga)
useServer<{ Authorization: string }, { viewer: Context['viewer'] }>(
  {
    schema,
    onConnect: async ({ connectionParams, extra }) => {
      extra.viewer = await verify(connectionParams?.Authorization)
      return true
    },
    context: ({ extra }) => ({ viewer: extra.viewer }),
  },
  new WebSocketServer({ server, path: '/graphql' }),
)
server.listen(Number(process.env['PORT']), '127.0.0.1')
process.once('SIGTERM', () => process.exit())
