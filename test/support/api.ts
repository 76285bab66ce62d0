/** The answer to an operation over HTTP, as it came. */
export type Answer = {
  readonly status: number
  readonly headers: Headers
  // The one seam without types: a test says in its query what it expects, and reads just that.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data: any
  readonly errors:
    | readonly {
        readonly message: string
        readonly path?: readonly (string | number)[]
        readonly extensions: { readonly code: string } & Record<string, unknown>
      }[]
    | undefined
}

export type Variables = Readonly<Record<string, unknown>>

/** Posts an operation; `token` null sends none. */
export async function post(
  url: string,
  token: string | null,
  query: string,
  variables: Variables = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json',
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
  })
  const body = (await response.json()) as { data?: unknown; errors?: Answer['errors'] }
  return { status: response.status, headers: response.headers, data: body.data, errors: body.errors }
}

/** Like post(), for what has to succeed. @returns the data @throws when there are top-level errors */
export async function ask(
  url: string,
  token: string,
  query: string,
  variables: Variables = {},
): Promise<Answer['data']> {
  const { data, errors } = await post(url, token, query, variables)
  if (errors) throw new Error(`unexpected errors: ${JSON.stringify(errors)}`)
  return data
}

export const SHARING = `id status phase vehicleId startsAt endsAt endedAt endReason allowedCommands createdAt
  owner { id } partner { id } vehicle { id }`

const INPUT = '... on InputError { path }'
const CONFLICT = '... on SharingConflictError { conflict { id } }'

const mutation = (name: string, input: string, success: string, ...failures: string[]) =>
  `mutation ($input: ${input}!) { ${name}(input: $input) {
    __typename ... on UserError { code message } ${failures.join(' ')} ... on ${success} } }`

const VEHICLE = 'vehicle { id name licensePlate vin brand model supportedCommands fleet { id } }'
const RESULT = `{ vehicle { id } sharing { ${SHARING} } }`

/** The mutations with all that a test may look at. Each answers its union, not the data. */
export const mutations = {
  startSharing: mutation('startSharing', 'StartSharingInput', `StartSharingSuccess ${RESULT}`, INPUT, CONFLICT),
  updateSharingEnd: mutation(
    'updateSharingEnd',
    'UpdateSharingEndInput',
    `UpdateSharingEndSuccess ${RESULT}`,
    INPUT,
    CONFLICT,
  ),
  endSharing: mutation('endSharing', 'EndSharingInput', `EndSharingSuccess ${RESULT}`),
  createVehicle: mutation('createVehicle', 'CreateVehicleInput', `CreateVehicleSuccess { ${VEHICLE} }`, INPUT),
  updateVehicle: mutation('updateVehicle', 'UpdateVehicleInput', `UpdateVehicleSuccess { ${VEHICLE} }`, INPUT),
  deleteVehicle: mutation('deleteVehicle', 'DeleteVehicleInput', 'DeleteVehicleSuccess { id }', CONFLICT),
  setVehicleUse: mutation(
    'setVehicleUse',
    'SetVehicleUseInput',
    'SetVehicleUseSuccess { vehicle { id } }',
    INPUT,
    CONFLICT,
  ),
  createFleet: mutation('createFleet', 'CreateFleetInput', 'CreateFleetSuccess { fleet { id name } }', INPUT),
  registerPartnership: mutation(
    'registerPartnership',
    'PartnershipInput',
    'PartnershipSuccess { fleets { id name } }',
    INPUT,
  ),
  endPartnership: mutation('endPartnership', 'PartnershipInput', 'PartnershipSuccess { fleets { id name } }', INPUT),
} as const

/** Runs one of them. @returns its union: `__typename`, and `code` for a failure */
export async function run(
  url: string,
  token: string,
  name: keyof typeof mutations,
  input: Variables,
): Promise<Answer['data']> {
  return (await ask(url, token, mutations[name], { input }))[name]
}
