-- A partial index is read wherever a statement implies its predicate, from one end to the other if it names none of the index's
-- columns: as long as a table is small, PostgreSQL finds that as cheap as the index that was made for the statement. What
-- is said of the partner is implied only where a partner is named, so that statements about a vehicle leave this one alone.
DROP INDEX "sharing_open_partner_idx";
CREATE INDEX "sharing_open_partner_idx" ON "sharing" ("partner_id", "vehicle_id")
  WHERE "cancelled_at" IS NULL AND "ended_at" IS NULL AND "partner_id" IS NOT NULL;
