-- Removes the log's oldest readings, at most "most" and none recorded at or after "before", and returns how many it was: where
-- they are kept for less time than other events. What the log lost is noted in "pruned", which says where the next call goes on.
--
-- One caller at a time, with the others that remove events or work on the partitions; for the rest it returns -1.
CREATE OR REPLACE FUNCTION "prune_readings"("before" TIMESTAMPTZ, "most" INT) RETURNS INT
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  "count" INT;
  "gone_to" BIGINT;
  "up_to" BIGINT;
BEGIN
  IF NOT pg_try_advisory_xact_lock(x'46530002'::bigint) THEN RETURN -1; END IF;
  SELECT COALESCE(max(p."position"), 0) INTO "gone_to" FROM "pruned" AS p WHERE p."type" = 'STATE_RECORDED';
  WITH oldest AS MATERIALIZED (
    SELECT "position", "recorded_at" FROM "event"
    WHERE "position" > "gone_to" AND "position" <= 9007199254740991 AND "type" = 'STATE_RECORDED' ORDER BY "position" LIMIT "most"
  )
  SELECT max(o."position") INTO "up_to" FROM oldest AS o
  WHERE o."position" < COALESCE((SELECT min(k."position") FROM oldest AS k WHERE k."recorded_at" >= "before"), 'infinity'::float8);
  IF "up_to" IS NULL THEN RETURN 0; END IF;
  WITH gone AS (
    DELETE FROM "event" WHERE "position" > "gone_to" AND "position" <= "up_to" AND "type" = 'STATE_RECORDED'
    RETURNING "position", "owner_id", "partner_id"
  ), told AS (
    INSERT INTO "pruned" ("fleet_id", "type", "position")
    SELECT fleet, 'STATE_RECORDED', max(gone."position")
    FROM gone CROSS JOIN LATERAL (VALUES (gone."owner_id"), (gone."partner_id")) AS audience(fleet)
    WHERE fleet IS NOT NULL GROUP BY fleet
    ON CONFLICT ("fleet_id", "type") DO UPDATE SET "position" = GREATEST("pruned"."position", EXCLUDED."position")
  )
  SELECT count(*) INTO "count" FROM gone;
  RETURN "count";
END $$;
