/** How a fleet stands to the vehicle that it asks about; scene.ts has one of each. */
export const RELATIONS = ['own', 'lent', 'planned', 'partner', 'ahead', 'former', 'passed', 'stranger'] as const
export type Relation = (typeof RELATIONS)[number]

/**
 * Who may do what, as the specification has it and not as the server does it. `needs` is the least role of a fleet's, or
 * whose field it is; TOKEN is any that is trusted. Where there is one word instead of eight, the relation does not matter.
 *
 *   own      owner of a vehicle that was never shared
 *   lent     owner, while it is shared           partner  the fleet that it is shared with
 *   planned  owner, its sharing is yet to start  ahead    the fleet that it will be shared with
 *   former   partner of a sharing that is over   passed   the same, while it is shared with another
 *   stranger anybody else
 *
 * A word says what comes of it where the role suffices: `yes`, `no` for null or an empty list, or a code of CODES. Of
 * vehicles, sharings and commands it is the one of that relation that is asked for; input that would change something is
 * wrong in what is looked at last, or asks for what is so already. What has to be done is done to a spare vehicle.
 */
const TABLE = `
operation              needs     own        lent    planned   partner    ahead  former  passed  stranger
viewer                 TOKEN     yes
vehicle                VIEWER    yes        yes     yes       yes        no     no      no      no
vehicle.sharing        VIEWER    no         yes     no        yes        no     no      no      no
vehicle.sharings       VIEWER    no         2       1         1          no     no      no      no
vehicles               VIEWER    yes        yes     yes       yes        no     no      no      no
sharingPartners        VIEWER    yes        yes     yes       yes        yes    yes     yes     no
sharing                VIEWER    no         yes     yes       yes        yes    yes     no      no
sharing.vehicle        VIEWER    no         yes     yes       yes        no     no      no      no
sharings               VIEWER    no         2       1         1          1      1       1       no
command                VIEWER    yes        yes     yes       yes        no     yes     no      no
commands               VIEWER    yes        yes     yes       yes        no     yes     no      no
node                   VIEWER    yes        yes     yes       yes        no     no      no      no
vehicleEvents          VIEWER    VC         VSESRCQ VPC       SRCQ       P      SCEC    SE      no
vehicleEvents.vehicle  VIEWER    yes        yes     yes       yes        no     no      no      no
auditTrail             VIEWER    1          5       2         3          1      3       2       no
fleets                 ADMIN     yes
partnersOf             ADMIN     yes
startSharing           MANAGER   yes        shared  yes       not-owner  -      -       -       -
startSharing:open      MANAGER   yes        shared  shared    not-owner  -      -       -       -
startSharing:later     MANAGER   input      input   input     not-owner  -      -       -       -
updateSharingEnd       MANAGER   unshared   yes     unshared  not-owner  -      -       -       -
updateSharingEnd:named MANAGER   no-sharing yes     yes       not-owner  -      -       -       -
endSharing             MANAGER   unshared   yes     unshared  yes        -      -       -       -
endSharing:named       MANAGER   no-sharing yes     yes       yes        yes    -       -       -
sendCommand            OPERATOR  input      lent    input     input      -      -       -       -
sendCommand:uncovered  OPERATOR  input      lent    input     uncovered  -      -       -       -
setVehicleUse          OPERATOR  input      lent    input     input      -      -       -       -
createVehicle          MANAGER   input
updateVehicle          MANAGER   input      input   input     not-owner  -      -       -       -
deleteVehicle          MANAGER   yes        lent    shared    not-owner  -      -       -       -
reportVehicleStates    GATEWAY   input
reportCommandOutcome   GATEWAY   no-command
createFleet            ADMIN     input
registerPartnership    ADMIN     input
endPartnership         ADMIN     input
revokeTokens           ADMIN     input
on:vehicleEvents       VIEWER    yes        yes     yes       yes        yes    yes     yes     no
on:commandDispatches   GATEWAY   yes`

const CODES: Readonly<Record<string, string>> = {
  '-': 'VEHICLE_NOT_FOUND',
  'not-owner': 'NOT_OWNER',
  lent: 'SHARED_WITH_PARTNER',
  shared: 'ALREADY_SHARED',
  unshared: 'NOT_SHARED',
  uncovered: 'COMMAND_NOT_ALLOWED_BY_SHARING',
  input: 'INVALID_INPUT',
  'no-sharing': 'SHARING_NOT_FOUND',
  'no-command': 'COMMAND_NOT_FOUND',
}

export type Rule = { readonly needs: string; readonly by: Readonly<Record<Relation, string>> }

/** The table by its first column. */
export const RULES: ReadonlyMap<string, Rule> = new Map(
  TABLE.trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [operation = '', needs = '', ...words] = line.split(/ +/)
      const verdicts = words.map((word) => CODES[word] ?? word)
      const by = Object.fromEntries(RELATIONS.map((relation, n) => [relation, verdicts[n] ?? verdicts[0] ?? '']))
      return [operation, { needs, by: by as Rule['by'] }]
    }),
)

/** Cumulative, from the least on. */
const LADDER = ['VIEWER', 'OPERATOR', 'MANAGER']

/** `grants` is what a token counts as: one role, no role of a fleet's, nothing at all, or no token. */
export type Grants = 'VIEWER' | 'OPERATOR' | 'MANAGER' | 'ADMIN' | 'GATEWAY' | 'NO ROLE' | 'NOTHING' | 'NO TOKEN'

/** @returns a word of the table, with its code for it, or the code that stands at the top of an answer */
export function verdictFor({ needs, by }: Rule, grants: Grants, relation: Relation): string {
  if (grants === 'NO TOKEN') return 'UNAUTHENTICATED'
  if (grants === 'NOTHING') return 'FORBIDDEN'
  if (needs === 'TOKEN' || needs === grants) return by[relation]
  if (!LADDER.includes(needs) || !LADDER.includes(grants)) return 'FORBIDDEN'
  const isSeen = by[relation] !== 'VEHICLE_NOT_FOUND'
  return isSeen && LADDER.indexOf(grants) < LADDER.indexOf(needs) ? 'ROLE_NOT_SUFFICIENT' : by[relation]
}

/** Whom a token is for: the fleet of the relation, none, or one that there is not; and its roles. null: none at all. */
export type Caller = {
  readonly name: string
  readonly token: readonly [fleet: 'its' | 'none' | 'unknown', roles: readonly string[]] | null
  readonly grants: Grants
  readonly relations: readonly Relation[]
}

const caller = (name: string, grants: Grants, token: Caller['token'], relations: Caller['relations'] = ['own']) => ({
  name,
  grants,
  token,
  relations,
})

export const CALLERS: readonly Caller[] = [
  caller('VIEWER', 'VIEWER', ['its', ['viewer']], RELATIONS),
  caller('OPERATOR', 'OPERATOR', ['its', ['operator']], RELATIONS),
  caller('MANAGER', 'MANAGER', ['its', ['manager']], RELATIONS),
  caller('VIEWER and OPERATOR', 'OPERATOR', ['its', ['viewer', 'operator']], ['own', 'partner']),
  caller('a fleet without a role', 'NO ROLE', ['its', []], RELATIONS),
  caller('a fleet with an unknown role', 'NO ROLE', ['its', ['chief']]),
  caller('ADMIN', 'ADMIN', ['none', ['admin']]),
  caller('GATEWAY', 'GATEWAY', ['none', ['gateway']]),
  caller('MANAGER of an unknown fleet', 'NOTHING', ['unknown', ['manager']]),
  caller('an unknown fleet without a role', 'NOTHING', ['unknown', []]),
  caller('MANAGER of no fleet', 'NOTHING', ['none', ['manager']]),
  caller('neither fleet nor role', 'NOTHING', ['none', []]),
  caller('ADMIN and MANAGER', 'NOTHING', ['its', ['admin', 'manager']]),
  caller('GATEWAY and MANAGER', 'NOTHING', ['its', ['gateway', 'manager']]),
  caller('ADMIN of a fleet', 'NOTHING', ['its', ['admin']]),
  caller('GATEWAY of a fleet', 'NOTHING', ['its', ['gateway']]),
  caller('ADMIN and GATEWAY', 'NOTHING', ['none', ['admin', 'gateway']]),
  caller('ADMIN and VIEWER', 'NOTHING', ['none', ['admin', 'viewer']]),
  caller('no token', 'NO TOKEN', null),
]
