import type { SqlDriverAdapterFactory, SqlQueryable } from '@prisma/driver-adapter-utils'

/** Runs a statement, and may look at when it begins and ends. The name is short, and says nothing of values. */
export type Around = <T>(name: string, run: () => Promise<T>) => Promise<T>

/** Puts a hook around the statements that Prisma makes. */
export function watchAdapter<F extends SqlDriverAdapterFactory>(factory: F, around: Around): F {
  const connect = factory.connect.bind(factory)
  return Object.assign(factory, {
    connect: async () => {
      const adapter = watch(await connect(), around)
      const startTransaction = adapter.startTransaction.bind(adapter)
      return Object.assign(adapter, {
        startTransaction: async (...args: Parameters<typeof startTransaction>) =>
          watch(await startTransaction(...args), around),
      })
    },
  })
}

function watch<Q extends SqlQueryable>(queryable: Q, around: Around): Q {
  const queryRaw = queryable.queryRaw.bind(queryable)
  const executeRaw = queryable.executeRaw.bind(queryable)
  return Object.assign(queryable, {
    queryRaw: (query: Parameters<typeof queryRaw>[0]) => around(nameOf(query.sql), () => queryRaw(query)),
    executeRaw: (query: Parameters<typeof executeRaw>[0]) => around(nameOf(query.sql), () => executeRaw(query)),
  })
}

/** Such as `SELECT vehicle`: what is done, and to the first table. */
export function nameOf(sql: string): string {
  const [, verb = ''] = /^\s*(\w+)/.exec(sql) ?? []
  const [, table = ''] = /\b(?:FROM|INTO|UPDATE)\s+(?:"?public"?\.)?"?(\w+)/i.exec(sql) ?? []
  return `${verb.toUpperCase()} ${table}`.trim()
}
