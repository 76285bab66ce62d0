import type { FleetView, Told } from '../api/use-fleet.ts'
import type { Event } from '../api/documents.ts'
import { clock } from '../ui/time.ts'

const words = (name: string) => name.toLowerCase().replaceAll('_', ' ')

/** What happened, for somebody who runs fleets. */
function inWords(event: Event): string {
  switch (event.__typename) {
    case 'SharingEvent':
      return `${words(event.type)}, ${event.sharing.partner.name}${event.endReason ? `: ${words(event.endReason)}` : ''}`
    case 'CommandEvent':
      return `${words(event.command.type)}: ${words(event.status)}`
    case 'VehicleChangedEvent':
      return 'vehicle changed'
    case 'StateEvent':
      return 'readings'
  }
}

/** The live stream of a fleet, where it stands in the log, and the means to break it. */
export function Stream({ view, name }: { readonly view: FleetView; readonly name: string }) {
  const { link, cursor, told, readings, caughtUp, problem } = view
  const isCut = link.is === 'cut'
  return (
    <section class="stream" aria-label={`Events of ${name}`}>
      <header>
        <h3>Events</h3>
        <span class={`state ${link.is}`} role="status">
          {sayLink(view)}
        </span>
        <button
          type="button"
          class={isCut ? 'primary' : ''}
          onClick={() => link.is !== 'over' && (isCut ? view.resume() : view.cut())}
          aria-disabled={link.is === 'over'}
        >
          {isCut ? 'Resume' : 'Cut the connection'}
        </button>
      </header>
      {problem !== null && (
        <p class="notice refused" role="alert">
          {problem}
        </p>
      )}
      <dl>
        <dt>Cursor</dt>
        <dd class="cursor">{cursor ?? 'none yet'}</dd>
        <dt>Readings</dt>
        <dd>{readings.toLocaleString()}</dd>
        <dt>Last resume</dt>
        <dd class="caught">{caughtUp === null ? 'none' : `${caughtUp.toLocaleString()} caught up`}</dd>
      </dl>
      <div class="log" role="log" aria-label={`Events of ${name}, newest first`} tabIndex={0}>
        <ol>
          {told.map((one) => (
            <Line key={one.event.id} {...one} />
          ))}
          {told.length === 0 && <li class="hint">Nothing has happened yet.</li>}
        </ol>
      </div>
    </section>
  )
}

function Line({ event, late }: Told) {
  return (
    <li class={late ? 'late' : ''} data-kind={event.__typename}>
      <time dateTime={event.occurredAt}>{clock(event.occurredAt)}</time>
      <b>{event.vehicleId}</b>
      <span>
        {inWords(event)}
        {late && <em> caught up</em>}
      </span>
      <code title={`Cursor ${event.cursor}`}>{event.cursor.slice(0, 6)}…</code>
    </li>
  )
}

function sayLink({ link }: FleetView): string {
  switch (link.is) {
    case 'connecting':
      return 'connecting'
    case 'live':
      return 'live'
    case 'cut':
      return link.reason === null ? 'cut: events wait in the log' : `${link.reason} Trying again.`
    case 'over':
      return link.reason
  }
}
