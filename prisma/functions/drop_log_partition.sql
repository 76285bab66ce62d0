-- Removes a partition of the log with all its events, and notes in "pruned" what the log lost, by fleet and type. Does nothing, and
-- returns false, unless all of its positions are settled and its last events of each fleet and type were recorded before "before"; also
-- where somebody reads the log for long. Returns NULL where another session works on the partitions or removes events.
--
-- The last events are found by the indexes, one fleet and type after the other, before the log is locked. Places are compared as rows,
-- which no other index could serve.
CREATE OR REPLACE FUNCTION "drop_log_partition"("partition" TEXT, "before" TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '100ms' AS $$
DECLARE
  "part" RECORD;
  "audience" TEXT;
  "newest" TIMESTAMPTZ;
  "horizon" BIGINT;
BEGIN
  IF NOT pg_try_advisory_xact_lock(x'46530002'::bigint) THEN RETURN NULL; END IF;
  -- Before the partitions are read, so that their last events are those of all writers up to there.
  SELECT h."settled" INTO "horizon" FROM "log_horizon"() AS h;
  SELECT * INTO "part" FROM "log_partitions"() AS p WHERE p."name" = "partition";
  IF "part"."name" IS NULL OR "part"."to" IS NULL THEN RETURN FALSE; END IF;
  IF "part"."to" - 1 > "horizon" OR "part"."last_at" >= "before" THEN RETURN FALSE; END IF;
  FOREACH "audience" IN ARRAY ARRAY['owner_id', 'partner_id'] LOOP
    EXECUTE format($x$
      WITH RECURSIVE rare AS (
        (SELECT %1$I AS fleet, "type" FROM %2$I WHERE %1$I IS NOT NULL AND "type" <> 'STATE_RECORDED' ORDER BY %1$I, "type" LIMIT 1)
        UNION ALL
        SELECT n.fleet, n."type" FROM rare AS r CROSS JOIN LATERAL (
          SELECT %1$I AS fleet, e."type" FROM %2$I AS e
          WHERE (%1$I, e."type") > (r.fleet, r."type") AND %1$I IS NOT NULL AND e."type" <> 'STATE_RECORDED'
          ORDER BY %1$I, e."type" LIMIT 1) AS n
      ), fleets AS (
        (SELECT %1$I AS fleet FROM %2$I WHERE %1$I IS NOT NULL ORDER BY %1$I LIMIT 1)
        UNION ALL
        SELECT n.fleet FROM fleets AS f CROSS JOIN LATERAL (
          SELECT %1$I AS fleet FROM %2$I WHERE %1$I > f.fleet ORDER BY %1$I LIMIT 1) AS n
      ), latest AS (
        SELECT r.fleet, r."type", l.* FROM rare AS r CROSS JOIN LATERAL (
          SELECT e."position", e."recorded_at" FROM %2$I AS e
          WHERE (%1$I, e."type", e."position") > (r.fleet, r."type", 0)
            AND (%1$I, e."type", e."position") <= (r.fleet, r."type", $1) AND %1$I IS NOT NULL AND e."type" <> 'STATE_RECORDED'
          ORDER BY %1$I DESC, e."type" DESC, e."position" DESC LIMIT 1) AS l
        UNION ALL
        SELECT f.fleet, 'STATE_RECORDED', l.* FROM fleets AS f CROSS JOIN LATERAL (
          SELECT e."position", e."recorded_at" FROM %2$I AS e
          WHERE (%1$I, e."position") > (f.fleet, 0) AND (%1$I, e."position") <= (f.fleet, $1) AND %1$I IS NOT NULL
            AND e."type" = 'STATE_RECORDED'
          ORDER BY %1$I DESC, e."position" DESC LIMIT 1) AS l
      ), told AS (
        INSERT INTO "pruned" ("fleet_id", "type", "position") SELECT fleet, "type", "position" FROM latest
        ON CONFLICT ("fleet_id", "type") DO UPDATE SET "position" = GREATEST("pruned"."position", EXCLUDED."position")
      )
      SELECT max("recorded_at") FROM latest$x$, "audience", "partition") INTO "newest" USING "part"."last";
    -- The error undoes what was noted.
    IF "newest" >= "before" THEN RAISE EXCEPTION USING ERRCODE = 'lock_not_available'; END IF;
  END LOOP;
  -- Autovacuum gives way to it, as in split_log().
  PERFORM set_config('lock_timeout', '3s', TRUE);
  EXECUTE format('LOCK TABLE %I IN SHARE UPDATE EXCLUSIVE MODE', "partition");
  PERFORM set_config('lock_timeout', '100ms', TRUE);
  LOCK TABLE ONLY "event" IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('DROP TABLE %I', "partition");
  RETURN TRUE;
EXCEPTION WHEN lock_not_available THEN RETURN FALSE;
END $$;
