-- PostgreSQL uses a partial index for full scans wherever a statement implies its predicate, and a GiST index that one
-- statement scans several times loses live entries when its root page splits in between. So the constraint has no predicate:
-- a cancelled sharing has an empty period instead, which overlaps nothing. The constraint's own check begins a new scan for
-- each look, and is safe.
ALTER TABLE "sharing" DROP CONSTRAINT "sharing_one_at_a_time";
ALTER TABLE "sharing" ADD CONSTRAINT "sharing_one_at_a_time" EXCLUDE USING gist
  ("vehicle_id" COLLATE "POSIX" WITH =, tstzrange("starts_at",
    CASE WHEN "cancelled_at" IS NULL THEN LEAST("ends_at", "ended_at") ELSE "starts_at" END) WITH &&);
