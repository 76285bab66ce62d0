import { render } from 'preact'
import { useState } from 'preact/hooks'
import { FleetColumn } from './fleet/fleet-column.tsx'
import type { ColumnData } from './fleet/fleet-column.tsx'
import { FleetPicker } from './fleet/fleet-picker.tsx'
import type { DemoFleet } from './fleet/fleet-picker.tsx'
import { boundsOf } from './vehicle/map-projection.ts'

/**
 * This folder: the web page under /console, a client of the public API. api/ exchanges data with the server, ui/ has small
 * components and formats, vehicle/ shows vehicles, fleet/ one fleet's column; imports go only from the later to the
 * earlier.
 */

const NO_DATA: ColumnData = { fleetId: null, vehicles: [] }
const COLUMNS = ['a', 'b'] as const

/** Two fleets side by side with the same vehicle selected, so that users see the effect of an action on both fleets. */
function Console({ demoFleets }: { readonly demoFleets: readonly DemoFleet[] }) {
  const [tokens, setTokens] = useState<readonly (string | null)[]>(COLUMNS.map((_, n) => demoFleets[n]?.token ?? null))
  const [data, setData] = useState<readonly ColumnData[]>([NO_DATA, NO_DATA])
  const [selection, setSelection] = useState<string | null>(null)
  /** The index of the column whose fleet was changed last. */
  const [lastChanged, setLastChanged] = useState<number | null>(null)
  const replaceAt = <T,>(list: readonly T[], index: number, value: T) =>
    list.map((item, n) => (n === index ? value : item))

  const vehicles = data.flatMap((column) => column.vehicles)
  const selected = selection ?? vehicles.find(({ id }) => id === 'FK852')?.id ?? vehicles[0]?.id ?? ''
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
        {COLUMNS.map((column, index) => {
          const token = tokens[index] ?? null
          const changeToken = (next: string | null) => {
            setLastChanged(index)
            setTokens((list) => replaceAt(list, index, next))
            setData((list) => replaceAt(list, index, NO_DATA))
          }
          const takesFocus = lastChanged === index
          return token === null ? (
            <FleetPicker key={column} {...{ column, takesFocus, demoFleets }} onPick={changeToken} />
          ) : (
            <FleetColumn
              key={column}
              {...{ token, column, takesFocus, selected }}
              columnFleets={data.map(({ fleetId }) => fleetId)}
              bounds={boundsOf(vehicles)}
              onSelect={setSelection}
              onData={(next) => setData((list) => replaceAt(list, index, next))}
              onChangeFleet={() => changeToken(null)}
            />
          )
        })}
      </main>
    </>
  )
}

// The server writes the demo world's fleets into this element of the page.
const demoFleets = JSON.parse(document.querySelector('#offers')?.textContent ?? '[]') as readonly DemoFleet[]
const container = document.querySelector('#console')
if (container) render(<Console demoFleets={demoFleets} />, container)
