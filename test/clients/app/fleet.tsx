import { useQuery, useSubscription } from '@apollo/client/react'
import { useDeferredValue, useEffect, useRef, useState } from 'react'
import { applyEvent } from '../caches/apollo-cache.ts'
import { Detail } from './detail.tsx'
import { Events, Vehicles } from './operations.ts'
import type { Session } from './session.ts'

/** A list of vehicles that stays right, with a search, and beside it the vehicle that was chosen. */
export function Fleet({ session }: { readonly session: Session }) {
  const [search, setSearch] = useState('')
  const [chosen, setChosen] = useState<string | null>(null)
  const sought = useDeferredValue(search.trim())
  const filter = sought === '' ? null : { search: sought }
  // While the next list is on its way, the last one stays.
  const { data: current, previousData, error, fetchMore } = useQuery(Vehicles, { variables: { filter } })
  const data = current ?? previousData
  const isLive = useLive(session)
  useEvents(session, data !== undefined, (id) => data?.vehicles?.nodes?.some((vehicle) => vehicle?.id === id) ?? false)

  const { hasNextPage, endCursor } = current?.vehicles.pageInfo ?? {}
  const more = () => void fetchMore({ variables: { after: endCursor ?? null } })
  const nodes = data?.vehicles?.nodes ?? []
  return (
    <>
      <p role="status">{isLive ? 'live' : 'connecting'}</p>
      {error && <p role="alert">{error.message}</p>}
      <main>
        <section>
          <label>
            Search <input type="search" value={search} onChange={({ target }) => setSearch(target.value)} />
          </label>
          <ul aria-label="Vehicles">
            {nodes.map(
              (vehicle) =>
                vehicle?.id !== undefined && (
                  <li key={vehicle.id}>
                    <button onClick={() => setChosen(vehicle.id ?? null)}>{vehicle.name ?? vehicle.id}</button>{' '}
                    {vehicle.sharing ? `shared with ${vehicle.sharing.partner?.name}` : 'at home'}
                    {vehicle.state?.speedKmh && `, ${vehicle.state.speedKmh.value} km/h`}
                  </li>
                ),
            )}
            {hasNextPage && <Sentinel key={endCursor} onSeen={more} />}
          </ul>
        </section>
        {chosen !== null && <Detail key={chosen} id={chosen} />}
      </main>
    </>
  )
}

/** The end of what is loaded: when it is scrolled into view, more is asked for. */
function Sentinel({ onSeen }: { readonly onSeen: () => void }) {
  const element = useRef<HTMLLIElement>(null)
  const seen = useRef(onSeen)
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && seen.current())
    if (element.current) observer.observe(element.current)
    return () => observer.disconnect()
  }, [])
  return <li ref={element}>…</li>
}

function useLive({ onLive }: Session): boolean {
  const [isLive, setLive] = useState(false)
  useEffect(() => onLive(setLive), [onLive])
  return isLive
}

/** Takes events from the end of the log as it was before the list was read, once the list is there: it must not undo them. */
function useEvents({ after, client }: Session, isReady: boolean, isListed: (id: string) => boolean): void {
  useSubscription(Events, {
    variables: { after },
    skip: !isReady,
    onData: ({ data: { data } }) => {
      if (!data) return
      const { vehicle, vehicleId, __typename: type } = data.vehicleEvents
      applyEvent(client.cache, data.vehicleEvents)
      // One that is new, or that was lent to this fleet just now.
      const mayBeNew = type === 'VehicleChangedEvent' || type === 'SharingEvent'
      if (vehicle && mayBeNew && !isListed(vehicleId)) void client.refetchQueries({ include: [Vehicles] })
      if (type === 'SharingEvent') void client.refetchQueries({ include: ['Detail'] })
    },
  })
}
