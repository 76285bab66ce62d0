-- What decides who may see a vehicle are the few sharings that are not over, of however many there were: by vehicle, and in
-- the order of the list of vehicles for the partner and the owner.
CREATE INDEX "sharing_open_vehicle_idx" ON "sharing" ("vehicle_id") WHERE "cancelled_at" IS NULL AND "ended_at" IS NULL;
CREATE INDEX "sharing_open_partner_idx" ON "sharing" ("partner_id", "vehicle_id")
  WHERE "cancelled_at" IS NULL AND "ended_at" IS NULL;
-- And those that have ended since an instant that a request still looks at.
CREATE INDEX "sharing_ended_at_idx" ON "sharing" ("ended_at") WHERE "ended_at" IS NOT NULL;

-- A fleet's log by what is rare in it: by type, without the readings that are the bulk of it, and by vehicle.
CREATE INDEX "event_rare_owner_idx" ON "event" ("owner_id", "type", "position") WHERE "type" <> 'STATE_RECORDED';
CREATE INDEX "event_rare_partner_idx" ON "event" ("partner_id", "type", "position")
  WHERE "type" <> 'STATE_RECORDED' AND "partner_id" IS NOT NULL;
CREATE INDEX "event_vehicle_id_position_idx" ON "event" ("vehicle_id", "position");
