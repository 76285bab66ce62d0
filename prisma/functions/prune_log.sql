-- Removes the log's oldest events, at most "most" and none recorded at or after "before", and returns how many it was. What
-- the log lost is noted in "pruned", by fleet and type.
--
-- One caller at a time, with the others that remove events or work on the partitions; for the rest it returns -1. Events go in the order of their positions, so that no index on the time is
-- needed: the first event that is young enough ends it.
CREATE OR REPLACE FUNCTION "prune_log"("before" TIMESTAMPTZ, "most" INT) RETURNS INT
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  "count" INT;
  "up_to" BIGINT;
BEGIN
  IF NOT pg_try_advisory_xact_lock(x'46530002'::bigint) THEN RETURN -1; END IF;
  WITH oldest AS MATERIALIZED (
    SELECT "position", "recorded_at" FROM "event" ORDER BY "position" LIMIT "most"
  )
  SELECT max(o."position") INTO "up_to" FROM oldest AS o
  WHERE o."position" < COALESCE((SELECT min(k."position") FROM oldest AS k WHERE k."recorded_at" >= "before"), 'infinity'::float8);
  IF "up_to" IS NULL THEN RETURN 0; END IF;
  -- A range with two ends: else a planner that does not look at values reads the whole log for it.
  WITH gone AS (
    DELETE FROM "event" WHERE "position" > 0 AND "position" <= "up_to" RETURNING "position", "type", "owner_id", "partner_id"
  ), told AS (
    INSERT INTO "pruned" ("fleet_id", "type", "position")
    SELECT fleet, gone."type", max(gone."position")
    FROM gone CROSS JOIN LATERAL (VALUES (gone."owner_id"), (gone."partner_id")) AS audience(fleet)
    WHERE fleet IS NOT NULL GROUP BY fleet, gone."type"
    ON CONFLICT ("fleet_id", "type") DO UPDATE SET "position" = GREATEST("pruned"."position", EXCLUDED."position")
  )
  SELECT count(*) INTO "count" FROM gone;
  RETURN "count";
END $$;
