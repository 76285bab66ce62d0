import { describe, expect, it } from 'vitest'
import { auditOf, auditOfRefusal } from '../../../src/domain/log/audit.ts'
import type { AuditEntry } from '../../../src/domain/log/audit.ts'
import { commandUpdated, sharingEvent, vehicleChanged } from '../../../src/domain/log/event.ts'
import { newCommand } from '../../../src/domain/command.ts'
import { aSharing, aVehicle } from '../../support/sharings.ts'

const actor = { fleetId: 'owner', subject: 'alice' }
const moment = { at: 7, requestId: 'r' }
const sharing = aSharing({ id: 's', ownerId: 'owner', partnerId: 'partner' })

describe('the audit of a request that was carried out', () => {
  it.each([
    ['SHARING_SCHEDULED', 'START_SHARING'],
    ['SHARING_STARTED', 'START_SHARING'],
    ['SHARING_END_CHANGED', 'UPDATE_SHARING_END'],
    ['SHARING_END_REQUESTED', 'END_SHARING'],
    ['SHARING_ENDED', 'END_SHARING'],
    ['SHARING_CANCELLED', 'END_SHARING'],
  ] as const)('has %s, which both parties may read, as %s', (type, action) => {
    expect(auditOf([sharingEvent(type, sharing, moment)], actor)).toEqual([
      {
        at: 7,
        action,
        actor,
        vehicleId: 'car',
        sharingId: 's',
        refusal: null,
        requestId: 'r',
        readers: ['owner', 'partner'],
      },
    ])
  })

  it('has the acceptance of a command, which the owner and the sending fleet may read', () => {
    const command = newCommand(aVehicle(), 'partner', 's', { id: 'c', type: 'DRAW_ATTENTION', timeoutSeconds: 5 }, 7)
    const steps = [command, { ...command, status: 'DISPATCHED' as const }].map((step) => commandUpdated(step, moment))
    expect(auditOf(steps, { fleetId: 'partner', subject: null })).toMatchObject([
      { action: 'SEND_COMMAND', readers: ['owner', 'partner'], sharingId: null, refusal: null },
    ])
  })

  it('has neither changes caused by time nor edits', () => {
    const events = [
      sharingEvent('SHARING_ENDED', sharing, { at: 7, requestId: null }),
      vehicleChanged(aVehicle(), [], moment),
    ]
    expect(auditOf(events, actor)).toEqual([])
  })
})

describe('the audit of a refused request', () => {
  const entry = (fleetId: string, refusal: AuditEntry['refusal']): AuditEntry => ({
    at: 7,
    action: 'END_SHARING',
    actor: { fleetId, subject: null },
    vehicleId: 'car',
    sharingId: null,
    refusal,
    requestId: 'r',
  })

  it.each([
    ['the owner itself', 'owner', 'NOT_SHARED', 'owner', ['owner']],
    ['a partner', 'partner', 'NOT_OWNER', 'owner', ['partner', 'owner']],
    ['a fleet that cannot see the vehicle', 'stranger', 'VEHICLE_NOT_FOUND', 'owner', ['stranger']],
    ['a fleet that named an unknown vehicle', 'stranger', 'VEHICLE_NOT_FOUND', null, ['stranger']],
  ] as const)('of %s has the right readers', (_who, fleetId, refusal, ownerId, readers) => {
    expect(auditOfRefusal(entry(fleetId, refusal), ownerId).readers).toEqual(readers)
  })
})
