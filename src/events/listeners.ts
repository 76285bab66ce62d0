import type { LoggedEvent } from '../domain/log/event.ts'
import type { Stretch, Window } from './window.ts'

/** Who takes a fleet's events as they come. */
export type Listener = {
  readonly fleetId: string
  /** What lies up to here it has taken, or does not want. */
  position: number
  /** Takes the next event, or detaches itself instead. Never throws. */
  readonly take: (event: LoggedEvent) => void
  /** Is told once it was detached by somebody else: what comes behind its position it has to get by itself. */
  readonly left: () => void
}

export type Listeners = {
  /** @returns whether it takes what comes from now on; not if it is behind those who do */
  readonly attach: (listener: Listener) => boolean
  readonly detach: (listener: Listener) => void
  /** To be called when the window has grown: they are told soon, after whoever has it grow was answered. */
  readonly tell: () => void
  /** Detaches everybody. */
  readonly dismiss: () => void
}

/** Events that are looked at in a turn, and how many may be taken until others have theirs: the last to all that want it. */
const LOOKED_AT = 100
const TAKEN = 1_000

/** Tells those concerned of each event that comes into the window, in order. */
export function createListeners(window: Window): Listeners {
  const byFleet = new Map<string, Set<Listener>>()
  /** Those who are attached have been told of all up to here. */
  let told = 0
  let telling = false

  function detach(listener: Listener): void {
    const others = byFleet.get(listener.fleetId)
    if (!others?.delete(listener)) return
    listener.position = Math.max(listener.position, told)
    if (others.size === 0) byFleet.delete(listener.fleetId)
  }

  function dismiss(): void {
    for (const some of byFleet.values()) {
      for (const listener of some) {
        detach(listener)
        listener.left()
      }
    }
  }

  function tellSome(): void {
    const stretch = byFleet.size === 0 ? null : window.since(told, LOOKED_AT)
    // Nobody is there, or it grew by more than it holds.
    if (stretch === null) dismiss()
    told = stretch ? tellOf(stretch) : window.head()
    telling = told < window.head()
    if (telling) setImmediate(tellSome)
  }

  /** @returns how far it came */
  function tellOf({ events, upTo }: Stretch): number {
    let taken = 0
    for (const event of events) {
      for (const fleetId of [event.ownerId, event.partnerId]) {
        for (const listener of byFleet.get(fleetId ?? '') ?? []) {
          if (event.position <= listener.position) continue
          listener.take(event)
          taken++
        }
      }
      if (taken >= TAKEN) return event.position
    }
    return upTo
  }

  return {
    attach(listener) {
      // Whoever was told last may have been so long ago, when nobody was there.
      if (byFleet.size === 0 && !telling) told = window.head()
      if (listener.position < told) return false
      const others = byFleet.get(listener.fleetId) ?? new Set()
      byFleet.set(listener.fleetId, others.add(listener))
      return true
    },
    detach,
    tell() {
      if (telling) return
      telling = true
      setImmediate(tellSome)
    },
    dismiss,
  }
}
