import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'

const exec = promisify(execFile)
/** The package is the path of its program. */
const compiler = createRequire(import.meta.url)('relay-compiler') as string

/** What Relay wants of a schema: connections that it can page through in both senses, interfaces, unions, and inputs. */
const SOURCE = `import { graphql } from 'react-relay'
graphql\`
  fragment RelayClient_fleet on Query
  @refetchable(queryName: "RelayClientPageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" }) {
    vehicles(first: $count, after: $cursor, filter: { relation: OWNED }) @connection(key: "RelayClient_vehicles") {
      edges { node { id name viewerCan { startSharing { allowed code } } } }
    }
  }
\`
graphql\`
  fragment RelayClient_sharings on Vehicle
  @refetchable(queryName: "RelayClientSharingsQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" }) {
    name
    sharings(first: $count, after: $cursor) @connection(key: "RelayClient_sharings") { edges { node { id phase } } }
  }
\`
graphql\`
  query RelayClientNodeQuery($id: ID!) {
    node(id: $id) { id ...RelayClient_sharings @alias(as: "vehicle") ... on Command { status } ... on Fleet { isPartner } }
  }
\`
graphql\`
  query RelayClientQuery { viewer { tokenExpiresAt } ...RelayClient_fleet
    sharings(last: 5) @connection(key: "RelayClient_sharings", filters: []) { edges { node { id endsAt } } } }
\`
graphql\`
  mutation RelayClientMutation($input: StartSharingInput!) {
    startSharing(input: $input) {
      __typename
      ... on StartSharingSuccess { sharing { id vehicle { id sharing { id } } } }
      ... on UserError { code message }
    }
  }
\`
graphql\`
  subscription RelayClientSubscription($after: String) {
    vehicleEvents(after: $after) { __typename id cursor ... on SharingEvent { endReason sharing { id phase } } }
  }
\`
`

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetshare-relay-'))
  await Promise.all(['src', 'made'].map((name) => mkdir(join(folder, name))))
  await cp(join(import.meta.dirname, '../../schema.graphql'), join(folder, 'schema.graphql'))
  const config = { src: 'src', schema: 'schema.graphql', language: 'typescript', artifactDirectory: 'made' }
  const scalars = { customScalarTypes: { DateTime: 'string' } }
  await writeFile(join(folder, 'relay.config.json'), JSON.stringify({ ...config, ...scalars, eagerEsModules: true }))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function compile(source: string): Promise<string> {
  await writeFile(join(folder, 'src/RelayClient.ts'), source)
  const { stdout, stderr } = await exec(compiler, ['--noWatchman'], { cwd: folder })
  return stdout + stderr
}

it("Relay's compiler accepts the schema, its connections, unions and interfaces", async () => {
  await compile(SOURCE)
  const made = (await readdir(join(folder, 'made'))).toSorted()
  expect(made).toEqual([
    'RelayClientMutation.graphql.ts',
    'RelayClientNodeQuery.graphql.ts',
    'RelayClientPageQuery.graphql.ts',
    'RelayClientQuery.graphql.ts',
    'RelayClientSharingsQuery.graphql.ts',
    'RelayClientSubscription.graphql.ts',
    'RelayClient_fleet.graphql.ts',
    'RelayClient_sharings.graphql.ts',
  ])
  // The next page of a vehicle's sharings is read from the vehicle alone, which Relay finds by its id.
  const refetch = await readFile(join(folder, 'made/RelayClientSharingsQuery.graphql.ts'), 'utf8')
  expect(refetch).toMatch(/"name": "node"/)
  const query = await readFile(join(folder, 'made/RelayClientQuery.graphql.ts'), 'utf8')
  expect(query).toMatch(/tokenExpiresAt: string/)
})

it("Relay's compiler refuses fields that the schema does not have", async () => {
  await expect(compile(SOURCE.replace('endReason', 'endingReason'))).rejects.toThrow(/endingReason/)
})
