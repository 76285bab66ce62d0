import type { Event } from '../api/documents.ts'
import type { Connection } from '../api/event-subscription.ts'
import type { ListedEvent } from '../api/fleet-view.ts'
import type { FleetSession } from '../api/use-fleet.ts'
import { formatInstant } from '../ui/time.ts'

const readable = (name: string) => name.toLowerCase().replaceAll('_', ' ')

/** An event as a text for a fleet's staff. */
function describe(event: Event): string {
  switch (event.__typename) {
    case 'SharingEvent':
      return `${readable(event.type)}, ${event.sharing.partner.name}${event.endReason ? `: ${readable(event.endReason)}` : ''}`
    case 'CommandEvent':
      return `${readable(event.command.type)}: ${readable(event.status)}`
    case 'VehicleChangedEvent':
      return 'vehicle changed'
    case 'VehicleUseEvent':
      return event.inUse ? 'in use' : 'no longer in use'
    case 'StateEvent':
      return 'readings'
  }
}

/**
 * The fleet's events, newest first, with the state of the connection, its cursor, and a button that drops the
 * connection.
 */
export function EventLog({ session, fleetName }: { readonly session: FleetSession; readonly fleetName: string }) {
  const { connection, cursor, events, readingCount, backlogCount, error } = session
  const isDisconnected = connection.status === 'disconnected'
  const hasEnded = connection.status === 'ended'
  return (
    <section class="stream" aria-label={`Events of ${fleetName}`}>
      <header>
        <h3>Events</h3>
        <span class={`state ${connection.status}`} role="status">
          {describeConnection(connection)}
        </span>
        <button
          type="button"
          class={isDisconnected ? 'primary' : ''}
          onClick={() => !hasEnded && (isDisconnected ? session.reconnect() : session.disconnect())}
          aria-disabled={hasEnded}
        >
          {isDisconnected ? 'Resume' : 'Cut the connection'}
        </button>
      </header>
      {error !== null && (
        <p class="notice refused" role="alert">
          {error}
        </p>
      )}
      <dl>
        <dt>Cursor</dt>
        <dd class="cursor">{cursor ?? 'none yet'}</dd>
        <dt>Readings</dt>
        <dd>{readingCount.toLocaleString()}</dd>
        <dt>Last resume</dt>
        <dd>{backlogCount === null ? 'none' : `${backlogCount.toLocaleString()} caught up`}</dd>
      </dl>
      <div class="log" role="log" aria-label={`Events of ${fleetName}, newest first`} tabIndex={0}>
        <ol>
          {events.map((listed) => (
            <EventRow key={listed.event.id} {...listed} />
          ))}
          {events.length === 0 && <li class="hint">Nothing has happened yet.</li>}
        </ol>
      </div>
    </section>
  )
}

function EventRow({ event, isBacklog }: ListedEvent) {
  return (
    <li class={isBacklog ? 'backlog' : ''} data-kind={event.__typename}>
      <time dateTime={event.occurredAt}>{formatInstant(event.occurredAt)}</time>
      <b>{event.vehicleId}</b>
      <span>
        {describe(event)}
        {isBacklog && <em> caught up</em>}
      </span>
      <code title={`Cursor ${event.cursor}`}>{event.cursor.slice(0, 6)}…</code>
    </li>
  )
}

function describeConnection(connection: Connection): string {
  switch (connection.status) {
    case 'connecting':
      return 'connecting'
    case 'live':
      return 'live'
    case 'disconnected':
      return connection.reason === null ? 'cut: events wait in the log' : `${connection.reason} Trying again.`
    case 'ended':
      return connection.reason
  }
}
