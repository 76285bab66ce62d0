import { initGraphQLTada, readFragment } from 'gql.tada'
import type { FragmentOf, ResultOf, TadaDocumentNode, VariablesOf } from 'gql.tada'
import { print } from 'graphql'
import type { introspection } from '../../src/generated/introspection.d.ts'
import { granted } from './refusal.ts'

/** Types are inferred as the operations are written: nothing is generated from them. */
const graphql = initGraphQLTada<{ introspection: introspection; scalars: { DateTime: string } }>()

const Period = graphql(`
  fragment Period on Sharing {
    id
    startsAt
    endsAt
    partner {
      name
    }
  }
`)

const Borrowed = graphql(
  `
    query Borrowed($phase: SharingPhase) {
      sharings(filter: { phase: $phase, status: SHARED_PARTNER_VEHICLE }) {
        nodes {
          ...Period
        }
      }
    }
  `,
  [Period],
)

const MoveEnd = graphql(
  `
    mutation MoveEnd($input: UpdateSharingEndInput!) {
      updateSharingEnd(input: $input) {
        __typename
        ... on UpdateSharingEndSuccess {
          sharing {
            ...Period
          }
        }
        ... on InputError {
          path
        }
        ... on UserError {
          code
          message
        }
      }
    }
  `,
  [Period],
)

/** No client library at all: a document brings its types along. */
export async function ask<Result, Variables>(
  url: string,
  token: string,
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: print(document), variables }),
  })
  const { data, errors } = (await response.json()) as { data: Result; errors?: readonly { message: string }[] }
  if (errors) throw new Error(errors.map(({ message }) => message).join('; '))
  return data
}

const until = (sharing: FragmentOf<typeof Period>): string => {
  const { endsAt, partner } = readFragment(Period, sharing)
  return `${partner.name} until ${endsAt ?? 'further notice'}`
}

/** @returns what the fleet has borrowed, such as "ShareTwo until further notice" */
export async function borrowed(url: string, token: string, variables: VariablesOf<typeof Borrowed>) {
  const { sharings } = await ask(url, token, Borrowed, variables)
  return sharings.nodes.map(until)
}

type Moved = ResultOf<typeof MoveEnd>['updateSharingEnd']

/**
 * @returns when the sharing ends now, or which field of the input is wrong
 * @throws RefusedError for all else that may be refused
 */
export async function moveEnd(url: string, token: string, vehicleId: string, endsAt: string | null): Promise<string> {
  const result: Moved = (await ask(url, token, MoveEnd, { input: { vehicleId, endsAt } })).updateSharingEnd
  if (result?.__typename === 'InputError') return `wrong: ${result.path.join('.')}`
  return until(granted(result).sharing)
}
