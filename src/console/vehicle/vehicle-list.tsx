import { useEffect, useRef, useState } from 'preact/hooks'
import { controllerOf } from '../api/use-fleet.ts'
import type { Vehicle } from '../api/documents.ts'
import { sideOf } from '../ui/fleet-color.ts'
import type { Sides } from '../ui/fleet-color.ts'

type Props = {
  readonly name: string
  readonly vehicles: readonly Vehicle[]
  readonly hasMore: boolean
  readonly sides: Sides
  readonly selected: string
  readonly onSelect: (id: string) => void
}

/** The vehicles that a fleet sees, and who controls each. Radio buttons bring the keyboard along: arrows move the choice. */
export function VehicleList({ name, vehicles, hasMore, sides, selected, onSelect }: Props) {
  const [search, setSearch] = useState('')
  const rows = useRef<HTMLDivElement>(null)
  const isListed = vehicles.some(({ id }) => id === selected)
  useEffect(() => {
    if (rows.current) showChosen(rows.current)
  }, [selected, isListed])
  const wanted = search.trim().toLowerCase()
  const found = vehicles.filter((vehicle) =>
    [vehicle.id, vehicle.name, vehicle.licensePlate, controllerOf(vehicle).name].some((text) =>
      text?.toLowerCase().includes(wanted),
    ),
  )
  return (
    <fieldset class="list">
      <legend>
        Vehicles <span class="count">{vehicles.length}</span>
      </legend>
      <input
        type="search"
        placeholder="Find"
        aria-label="Find a vehicle"
        value={search}
        onInput={({ currentTarget }) => setSearch(currentTarget.value)}
      />
      <div class="rows" ref={rows}>
        {found.map((vehicle) => (
          <label key={vehicle.id} class="row">
            <input type="radio" name={name} checked={vehicle.id === selected} onChange={() => onSelect(vehicle.id)} />
            <span class="id">{vehicle.id}</span>
            <span class="name">{vehicle.name}</span>
            <span class="controller" data-side={sideOf(sides, controllerOf(vehicle).id)}>
              <span class="hidden">controlled by </span>
              {controllerOf(vehicle).name}
            </span>
          </label>
        ))}
        {found.length === 0 && <p class="hint">No vehicle.</p>}
        {hasMore && <p class="hint">These are the first {vehicles.length.toLocaleString()} vehicles.</p>}
      </div>
    </fieldset>
  )
}

/** What was chosen on a map or in the other column; only the list moves, not the page. */
function showChosen(rows: HTMLElement): void {
  const row = rows.querySelector<HTMLElement>('label:has(:checked)')
  if (!row) return
  const above = row.offsetTop
  const isHidden = above < rows.scrollTop || above + row.offsetHeight > rows.scrollTop + rows.clientHeight
  if (isHidden) rows.scrollTop = above - rows.clientHeight / 2
}
