import { useEffect, useRef, useState } from 'preact/hooks'
import type { Vehicle } from '../api/documents.ts'
import { controllerOf } from '../api/fleet-view.ts'
import { colorOf } from '../ui/fleet-color.ts'
import type { ColumnFleets } from '../ui/fleet-color.ts'

type Props = {
  /** The name of the group of radio buttons, unique on the page. */
  readonly name: string
  readonly vehicles: readonly Vehicle[]
  readonly hasMore: boolean
  readonly columnFleets: ColumnFleets
  readonly selected: string
  readonly onSelect: (id: string) => void
}

/**
 * The vehicles that a fleet sees, with their controllers. They are radio buttons, so that arrow keys move the
 * selection.
 */
export function VehicleList({ name, vehicles, hasMore, columnFleets, selected, onSelect }: Props) {
  const [search, setSearch] = useState('')
  const rows = useRef<HTMLDivElement>(null)
  const isListed = vehicles.some(({ id }) => id === selected)
  useEffect(() => {
    if (rows.current) scrollToSelected(rows.current)
  }, [selected, isListed])
  const term = search.trim().toLowerCase()
  const found = vehicles.filter((vehicle) =>
    [vehicle.id, vehicle.name, vehicle.licensePlate, controllerOf(vehicle).name].some((text) =>
      text?.toLowerCase().includes(term),
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
            <span class="controller" data-color={colorOf(columnFleets, controllerOf(vehicle).id)}>
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

/** Shows a row that was selected on a map or in the other column. scrollIntoView() would move the page, too. */
function scrollToSelected(rows: HTMLElement): void {
  const row = rows.querySelector<HTMLElement>('label:has(:checked)')
  if (!row) return
  const top = row.offsetTop
  const isHidden = top < rows.scrollTop || top + row.offsetHeight > rows.scrollTop + rows.clientHeight
  if (isHidden) rows.scrollTop = top - rows.clientHeight / 2
}
