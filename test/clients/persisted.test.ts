import { createHash } from 'node:crypto'
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { expect, it } from 'vitest'
import { serverForAll } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const server = await serverForAll({ announce: false })
const world = await makeWorld(server)
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

it.each([false, true])("Apollo's link for persisted queries sends the document then, by GET: %s", async (byGet) => {
  let requests = 0
  const counting: typeof fetch = (...args) => {
    requests++
    return fetch(...args)
  }
  const http = new HttpLink({
    uri: `${server.url}/graphql`,
    headers: { Authorization: `Bearer ${world.as.owner}` },
    fetch: counting,
  })
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries: byGet }).concat(http)
  const client = new ApolloClient({ link, cache: new InMemoryCache() })
  const ask = async () => {
    const { data } = await client.query({ query: gql('{ viewer { roles } }'), fetchPolicy: 'network-only' })
    return data
  }
  expect(await ask()).toMatchObject({ viewer: { roles: ['MANAGER'] } })
  expect(requests).toBe(2)
  // By now it knows that hashes are of no use here.
  expect(await ask()).toMatchObject({ viewer: { roles: ['MANAGER'] } })
  expect(requests).toBe(3)
  client.stop()
})
