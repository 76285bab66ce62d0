import { useEffect, useRef, useState } from 'preact/hooks'
import { Actions } from './vehicle-actions.tsx'
import type { Notice } from './vehicle-actions.tsx'
import { ask } from '../api/client.ts'
import { controllerOf } from '../api/use-fleet.ts'
import type { FleetView } from '../api/use-fleet.ts'
import { Detail } from '../api/documents.ts'
import type { Details, Fleet, Vehicle } from '../api/documents.ts'
import { sideOf } from '../ui/fleet-color.ts'
import type { Sides } from '../ui/fleet-color.ts'
import { Timeline } from './sharing-timeline.tsx'

type Props = { readonly view: FleetView; readonly fleet: Fleet; readonly sides: Sides; readonly selected: string }

/** One vehicle as one fleet sees it: whether at all, who controls it, its sharings, and what the fleet may do with it. */
export function VehiclePanel({ view, fleet, sides, selected }: Props) {
  const details = useDetails(view, selected)
  const vehicle = view.vehicles.find(({ id }) => id === selected)
  const sharings = details?.sharings.nodes ?? []
  const [told, setTold] = useState<Notice | null>(null)
  const notice = told?.vehicleId === selected ? told : null
  useEffect(() => setTold(null), [selected])
  const unseen = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    // The button that was pressed here has gone with the vehicle, and the focus with it.
    if (notice && !vehicle && document.activeElement === document.body) unseen.current?.focus()
  }, [notice, vehicle === undefined])
  return (
    <section class="panel" aria-label={`Vehicle ${selected}, as ${fleet.name} sees it`}>
      {vehicle ? (
        <Head vehicle={vehicle} sides={sides} />
      ) : (
        <div class="head">
          <h3 ref={unseen} tabIndex={-1}>
            {selected}
          </h3>
          <p class="unseen">
            {fleet.name} does not see this vehicle now: to it, {selected} does not exist
            {sharings.length > 0 ? '. The sharings that it was a party to stay.' : '.'}
          </p>
        </div>
      )}
      <Timeline name={fleet.name} sharings={sharings} sides={sides} ownerId={vehicle?.fleet.id ?? null} />
      {vehicle && details?.vehicle && (
        <Actions key={selected} view={view} vehicle={details.vehicle} name={fleet.name} onDone={setTold} />
      )}
      <p class={notice?.isRefusal ? 'notice refused' : 'notice'} role="status">
        {notice?.text}
      </p>
    </section>
  )
}

function Head({ vehicle, sides }: { readonly vehicle: Vehicle; readonly sides: Sides }) {
  const controller = controllerOf(vehicle)
  const { speedKmh, energyPercent, centralLock, ignition } = vehicle.state
  const readings: readonly (readonly [string, string | undefined])[] = [
    ['Speed', speedKmh ? `${Math.round(speedKmh.value)} km/h` : undefined],
    ['Energy', energyPercent ? `${Math.round(energyPercent.value)} %` : undefined],
    ['Doors', centralLock?.value.toLowerCase()],
    ['Ignition', ignition ? (ignition.value ? 'on' : 'off') : undefined],
  ]
  return (
    <div class="head">
      <h3>
        {vehicle.id} <span>{[vehicle.name, vehicle.brand, vehicle.model].filter(Boolean).join(' · ')}</span>
      </h3>
      <p class="control" data-side={sideOf(sides, controller.id)}>
        <b>{controller.name}</b> controls it
        {controller.id === vehicle.fleet.id ? '' : `; ${vehicle.fleet.name} owns it`}
      </p>
      <dl>
        {readings.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? '–'}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

/** Read again whenever something has changed; null until it is known. */
function useDetails({ api, changes }: FleetView, id: string): Details | null {
  const [details, setDetails] = useState<{ readonly id: string; readonly data: Details } | null>(null)
  useEffect(() => {
    let stale = false
    ask(api, Detail, { id }).then(
      (data) => !stale && setDetails({ id, data }),
      // The stream says what is wrong.
      () => {},
    )
    return () => {
      stale = true
    }
  }, [api, changes, id])
  return details?.id === id ? details.data : null
}
