import { conflictIn, refusal, sharingAt, targetOf } from '../../src/domain/access/access.ts'
import type { Action } from '../../src/domain/access/access.ts'
import { complete, dispatch, newCommand } from '../../src/domain/command.ts'
import type { Command, CommandOutcome, CommandType } from '../../src/domain/command.ts'
import { RequestError } from '../../src/domain/errors.ts'
import { errorOf } from '../../src/domain/access/refusal.ts'
import type { Instant } from '../../src/domain/period.ts'
import type { IdleFacts } from '../../src/domain/handover/idleness.ts'
import { cancelled, settle } from '../../src/domain/handover/settle.ts'
import { endWhenIdle, handOver } from '../../src/domain/handover/waiting.ts'
import { endSharing, moveEnd, periodOf, startSharing } from '../../src/domain/sharing.ts'
import type { Sharing } from '../../src/domain/sharing.ts'
import { mergeState, stateOf } from '../../src/domain/state.ts'
import { newVehicle } from '../../src/domain/vehicle.ts'

export type Op =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'send'; readonly fleetId: string; readonly type: CommandType; readonly timeoutSeconds: number }
  | { readonly do: 'dispatch'; readonly index: number }
  | { readonly do: 'outcome'; readonly index: number; readonly outcome: CommandOutcome }
  | { readonly do: 'start'; readonly fleetId: string; readonly inMs: number | null; readonly forMs: number | null }
  | { readonly do: 'move'; readonly index: number | null; readonly forMs: number | null }
  | { readonly do: 'end'; readonly index: number | null; readonly fleetId: string; readonly whenIdle: boolean }
  | { readonly do: 'report'; readonly idle: boolean }
  | { readonly do: 'delete' }

/** What the log would say, and when. */
export type Entry = {
  readonly recordedAt: Instant
  readonly occurredAt: Instant
  readonly what: 'start' | 'end' | { readonly id: string; readonly status: Command['status'] }
  readonly sharingId: string | null
}

/** One vehicle as the data layer keeps it under the lock, without a database: nothing but the domain's functions. */
export class ControlModel {
  now: Instant = Date.UTC(2030, 0, 1)
  last: Instant = this.now
  vehicle = newVehicle('car', 'owner', {})
  deletedAt: Instant | null = null
  sharings: readonly Sharing[] = []
  commands: readonly Command[] = []
  readonly log: Entry[] = []

  /** @returns the instant of the decision @throws UserError if it is refused */
  take(op: Op): Instant {
    if (op.do === 'wait') this.now += op.ms
    const handover = op.do === 'start' || op.do === 'end'
    const at = this.hold(handover)
    if (op.do === 'dispatch') this.dispatch(op.index, at)
    if (op.do === 'outcome') {
      const command = this.commands[op.index % this.commands.length]
      if (command) this.update(complete(command, op.outcome, null, at), at)
    }
    if (op.do === 'wait' || op.do === 'dispatch' || op.do === 'outcome') return at
    if (this.deletedAt !== null) throw new RequestError('VEHICLE_NOT_FOUND')
    switch (op.do) {
      case 'send':
        return this.send(op, at)
      case 'start':
        return this.start(op, at)
      case 'move': {
        const target = this.target({ kind: 'updateSharingEnd' }, op.index, 'owner', at)
        const moved = moveEnd(target, op.forMs === null ? null : at + op.forMs, at)
        if (conflictIn(this, periodOf(moved), target)) throw new RequestError('ALREADY_SHARED')
        return this.keep(moved, at)
      }
      case 'end': {
        const target = this.target({ kind: 'endSharing' }, op.index, op.fleetId, at)
        const ended = op.whenIdle
          ? endWhenIdle(target, op.fleetId, this.facts(), at)
          : endSharing(target, op.fleetId, this.vehicle.state, at)
        return this.pass(ended, at)
      }
      case 'report':
        return this.report(op.idle, at)
      case 'delete':
        this.refuse({ kind: 'delete' }, 'owner', at)
        this.deletedAt = at
        return at
    }
  }

  private facts(): IdleFacts {
    return { ...this.vehicle, maxSilenceMs: Infinity }
  }

  /** Takes the lock: an instant, and what fell due by then. */
  private hold(handover: boolean): Instant {
    let at = Math.max(this.now, this.last) + (handover ? 1 : 0)
    const open = this.sharings.filter(({ cancelledAt, endedAt }) => cancelledAt === null && endedAt === null)
    if (handover) while (open.some(({ startsAt }) => startsAt === at)) at++
    const settled = settle({ sharings: open, commands: this.commands }, this.facts(), at)
    for (const sharing of settled.sharings) this.keep(sharing, at)
    this.commands = settled.commands
    for (const step of settled.steps) {
      const times = { recordedAt: at, occurredAt: step.at }
      if (step.type === 'COMMAND_UPDATED') {
        const { id, status, sharingId } = step.command
        this.log.push({ ...times, what: { id, status }, sharingId })
      } else {
        const what = step.type === 'SHARING_STARTED' ? 'start' : 'end'
        this.log.push({ ...times, what, sharingId: step.sharing.id })
      }
    }
    this.last = at
    return at
  }

  private send({ fleetId, type, timeoutSeconds }: Extract<Op, { do: 'send' }>, at: Instant): Instant {
    this.refuse({ kind: 'sendCommand', type }, fleetId, at)
    const order = { id: `c${this.commands.length}`, type, timeoutSeconds }
    const command = newCommand(this.vehicle, fleetId, sharingAt(this, at)?.id ?? null, order, at)
    this.commands = [...this.commands, command]
    this.log.push({ ...times(at), what: { id: command.id, status: command.status }, sharingId: command.sharingId })
    return at
  }

  private dispatch(index: number, at: Instant): void {
    const command = this.commands[index % this.commands.length]
    if (!command || this.deletedAt !== null) return
    this.update(dispatch(command, sharingAt(this, at)?.id ?? null, at) ?? command, at)
  }

  private start({ fleetId, inMs, forMs }: Extract<Op, { do: 'start' }>, at: Instant): Instant {
    const startsAt = inMs === null ? null : at + inMs
    const endsAt = forMs === null ? null : (startsAt ?? at) + forMs
    const order = { id: `s${this.sharings.length}`, partnerId: fleetId, startsAt, endsAt, allowedCommands: null }
    const sharing = startSharing(this.vehicle, order, true, at)
    this.refuse({ kind: 'startSharing', period: periodOf(sharing) }, 'owner', at)
    this.sharings = [...this.sharings, sharing]
    if (sharing.startedAt === null) return at
    this.log.push({ ...times(at), what: 'start', sharingId: sharing.id })
    return this.cancel(at)
  }

  private report(idle: boolean, at: Instant): Instant {
    const readings = idle
      ? ({ speedKmh: 0, ignition: false, centralLock: 'LOCKED' } as const)
      : ({ speedKmh: 30, ignition: true, centralLock: 'UNLOCKED' } as const)
    const state = mergeState(this.vehicle.state, stateOf(readings, at))
    this.vehicle = { ...this.vehicle, state, lastContactAt: at }
    if (sharingAt(this, at)?.endRequestedBy == null) return at
    const later = this.hold(true)
    const awaiting = sharingAt(this, later)
    return awaiting === null ? later : this.pass(handOver(awaiting, this.facts(), later), later)
  }

  /** What became of a sharing that was to end. */
  private pass(sharing: Sharing, at: Instant): Instant {
    this.keep(sharing, at)
    if (sharing.endedAt !== at) return at
    this.log.push({ ...times(at), what: 'end', sharingId: sharing.id })
    return this.cancel(at)
  }

  private cancel(at: Instant): Instant {
    for (const command of cancelled(this.commands, at)) this.update(command, at)
    return at
  }

  private update(command: Command, at: Instant): void {
    const before = this.commands.find(({ id }) => id === command.id)
    if (before === command) return
    this.commands = this.commands.map((other) => (other === before ? command : other))
    this.log.push({ ...times(at), what: { id: command.id, status: command.status }, sharingId: command.sharingId })
  }

  private keep(sharing: Sharing, at: Instant): Instant {
    this.sharings = this.sharings.map((other) => (other.id === sharing.id ? sharing : other))
    return at
  }

  private refuse(action: Action, fleetId: string, at: Instant): void {
    const reason = refusal(action, { fleetId, role: 'MANAGER' }, this, at)
    if (reason) throw errorOf(reason)
  }

  private target(action: Action, index: number | null, fleetId: string, at: Instant): Sharing {
    const sharingId = index === null ? undefined : this.sharings[index]?.id
    this.refuse({ ...action, sharingId } as Action, fleetId, at)
    const target = targetOf(sharingId, { fleetId, role: 'MANAGER' }, this, at)
    if (typeof target === 'string') throw new RequestError(target)
    return target
  }
}

const times = (at: Instant) => ({ recordedAt: at, occurredAt: at })
