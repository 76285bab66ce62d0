import { render } from 'preact'
import { useState } from 'preact/hooks'
import { Column } from './fleet/fleet-column.tsx'
import type { Seen } from './fleet/fleet-column.tsx'
import { Entry } from './fleet/fleet-picker.tsx'
import type { Offer } from './fleet/fleet-picker.tsx'
import { frameOf } from './vehicle/vehicle-map.tsx'

const NOBODY: Seen = { fleetId: null, vehicles: [] }
const SIDES = ['a', 'b'] as const

/** Two fleets side by side, looking at the same vehicle: what one does to it, both see, each from its own end. */
function Console({ offers }: { readonly offers: readonly Offer[] }) {
  const [tokens, setTokens] = useState<readonly (string | null)[]>(SIDES.map((_, n) => offers[n]?.token ?? null))
  const [seen, setSeen] = useState<readonly Seen[]>([NOBODY, NOBODY])
  const [chosen, setChosen] = useState<string | null>(null)
  /** The column that was changed last. */
  const [changed, setChanged] = useState<number | null>(null)
  const put = <T,>(list: readonly T[], at: number, value: T) => list.map((one, n) => (n === at ? value : one))

  const vehicles = seen.flatMap((one) => one.vehicles)
  const selected = chosen ?? vehicles.find(({ id }) => id === 'FK852')?.id ?? vehicles[0]?.id ?? ''
  return (
    <>
      <header class="top">
        <h1>FleetShare</h1>
        <p>Each column is one fleet, as it sees the world. Lend a vehicle in one, and watch it change hands in both.</p>
        <ul class="legend" aria-label="On the maps">
          <li class="own">own</li>
          <li class="lent">lent out</li>
          <li class="borrowed">borrowed</li>
        </ul>
      </header>
      <main>
        {SIDES.map((side, at) => {
          const token = tokens[at] ?? null
          const enter = (next: string | null) => {
            setChanged(at)
            setTokens((list) => put(list, at, next))
            setSeen((list) => put(list, at, NOBODY))
          }
          const focus = changed === at
          return token === null ? (
            <Entry key={side} {...{ side, focus, offers }} onEnter={enter} />
          ) : (
            <Column
              key={side}
              {...{ token, side, focus, selected }}
              sides={seen.map(({ fleetId }) => fleetId)}
              frame={frameOf(vehicles)}
              onSelect={setChosen}
              onSeen={(one) => setSeen((list) => put(list, at, one))}
              onLeave={() => enter(null)}
            />
          )
        })}
      </main>
    </>
  )
}

const offers = JSON.parse(document.querySelector('#offers')?.textContent ?? '[]') as readonly Offer[]
const place = document.querySelector('#console')
if (place) render(<Console offers={offers} />, place)
