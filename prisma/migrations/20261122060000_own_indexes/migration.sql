-- Indexes that serve one purpose each, so that no other statement takes one for its own.

-- Another collation than the column's: an overlap is excluded as before, and nobody looks up a vehicle's sharings here, at
-- ten times the cost of the index that is for that.
ALTER TABLE "sharing" DROP CONSTRAINT "sharing_one_at_a_time";
ALTER TABLE "sharing" ADD CONSTRAINT "sharing_one_at_a_time" EXCLUDE USING gist
  ("vehicle_id" COLLATE "POSIX" WITH =, tstzrange("starts_at", LEAST("ends_at", "ended_at")) WITH &&)
  WHERE ("cancelled_at" IS NULL);

-- The same rows, by command_completed, in other words: who asks for a vehicle's open commands does not walk everybody's.
DROP INDEX "command_due_idx";
CREATE INDEX "command_due_idx" ON "command" ("deadline") WHERE "completed_at" IS NULL;
