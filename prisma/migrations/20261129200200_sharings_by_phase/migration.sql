-- Lists of sharings, newest start first: of an owner, of a partner, and of a vehicle. Each phase, as it is recorded, is one range of an index, so that
-- a page costs the same however many sharings the fleet has had, and whatever the filter leaves out. The expression is RECORDED of
-- src/data/queries/history/sharings.ts.

-- The role may have limits that are made for requests.
SET LOCAL statement_timeout = 0;

CREATE INDEX "sharing_owner_list_idx" ON "sharing" ("owner_id", ((CASE WHEN "cancelled_at" IS NOT NULL THEN 'CANCELLED'
  WHEN "ended_at" IS NOT NULL THEN 'ENDED' WHEN "started_at" IS NOT NULL THEN 'ACTIVE' ELSE 'SCHEDULED' END) COLLATE "C"), "starts_at", "id");
CREATE INDEX "sharing_partner_list_idx" ON "sharing" ("partner_id", ((CASE WHEN "cancelled_at" IS NOT NULL THEN 'CANCELLED'
  WHEN "ended_at" IS NOT NULL THEN 'ENDED' WHEN "started_at" IS NOT NULL THEN 'ACTIVE' ELSE 'SCHEDULED' END) COLLATE "C"), "starts_at", "id");
CREATE INDEX "sharing_vehicle_list_idx" ON "sharing" ("vehicle_id", "starts_at", "id");
DROP INDEX "sharing_vehicle_id_starts_at_id_idx";
DROP INDEX "sharing_owner_id_starts_at_id_idx";
DROP INDEX "sharing_partner_id_starts_at_id_idx";

-- The few that have started since an instant, and not ended.
CREATE INDEX "sharing_started_at_idx" ON "sharing" ("started_at") WHERE "ended_at" IS NULL AND "started_at" IS NOT NULL;

-- Made anew, for PostgreSQL takes the newest of two indexes that seem alike, and on an empty table they do: the open sharings of a
-- vehicle must not be looked for among all that it ever had, nor those of a partner among all open ones, by a plan that is then kept.
DROP INDEX "sharing_open_vehicle_idx";
CREATE INDEX "sharing_open_vehicle_idx" ON "sharing" ("vehicle_id") WHERE "cancelled_at" IS NULL AND "ended_at" IS NULL;
DROP INDEX "sharing_open_partner_idx";
CREATE INDEX "sharing_open_partner_idx" ON "sharing" ("partner_id", "vehicle_id")
  WHERE "cancelled_at" IS NULL AND "ended_at" IS NULL AND "partner_id" IS NOT NULL;
