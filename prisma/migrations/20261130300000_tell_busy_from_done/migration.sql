-- Removals and splits that another session keeps from working say so, apart from those that find nothing to do or a long reader. Versions
-- before take each of the answers for nothing to do, as until now.

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

-- Ends the last partition of the log before the position "at", and adds another behind it, without an end: so there always is one for
-- whatever is written. Returns what was done: 'split'; 'bounded', 'validated' or 'released' where more steps are needed, each in a
-- transaction of its own; 'taken' where another session works on the partitions or removes events, and 'busy' where somebody reads the log
-- for long.
--
-- PostgreSQL reads a partition whose bounds are changed, while nobody can use the log. That is for a partition of at most "few"
-- positions. A larger one gets a constraint that says the same first, which is proved while others read and write. Until the split
-- the constraint would refuse events at or behind "at": it is taken away when half of the distance to there is used up.
CREATE OR REPLACE FUNCTION "split_log"("at" BIGINT, "few" BIGINT) RETURNS TEXT
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '100ms' AS $$
DECLARE
  "part" RECORD;
  "bound" RECORD;
  "drawn" BIGINT;
BEGIN
  IF NOT pg_try_advisory_xact_lock(x'46530002'::bigint) THEN RETURN 'taken'; END IF;
  SELECT * INTO "part" FROM "log_partitions"() AS p WHERE p."to" IS NULL;
  -- Keeps nobody from reading or writing. Autovacuum gives way after a second of waiting, to no lock with a shorter timeout.
  PERFORM set_config('lock_timeout', '3s', TRUE);
  EXECUTE format('LOCK TABLE %I IN SHARE UPDATE EXCLUSIVE MODE', "part"."name");
  PERFORM set_config('lock_timeout', '100ms', TRUE);
  SELECT last_value INTO "drawn" FROM "event_position_seq";
  -- Its name has the end and the last position that was drawn before.
  SELECT c.convalidated AS valid, split_part(c.conname, '_', 3)::bigint AS "at", split_part(c.conname, '_', 4)::bigint AS since
    INTO "bound" FROM pg_constraint AS c
    WHERE c.conrelid = format('%I', "part"."name")::regclass AND c.conname LIKE 'log\_bound\_%';
  IF "bound" IS NOT NULL THEN
    IF "drawn" > ("bound"."at" + "bound".since) / 2 THEN
      EXECUTE format('ALTER TABLE %I DROP CONSTRAINT "log_bound_%s_%s"', "part"."name", "bound"."at", "bound".since);
      RETURN 'released';
    ELSIF NOT "bound".valid THEN
      EXECUTE format('ALTER TABLE %I VALIDATE CONSTRAINT "log_bound_%s_%s"', "part"."name", "bound"."at", "bound".since);
      RETURN 'validated';
    END IF;
    "at" := "bound"."at";
  ELSIF "part"."last" - "part"."first" >= "few" OR pg_relation_size(format('%I', "part"."name")::regclass) > 64 << 20 THEN
    "at" := GREATEST("at", "drawn" + "few");
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT "log_bound_%s_%s" CHECK ("position" >= %s AND "position" < %s) NOT VALID',
      "part"."name", "at", "drawn", COALESCE("part"."from", 0), "at");
    RETURN 'bounded';
  END IF;
  LOCK TABLE ONLY "event" IN ACCESS EXCLUSIVE MODE;
  IF "bound" IS NULL THEN SELECT GREATEST("at", last_value + 1, "part"."from" + 1) INTO "at" FROM "event_position_seq"; END IF;
  EXECUTE format('ALTER TABLE "event" DETACH PARTITION %I', "part"."name");
  EXECUTE format('ALTER TABLE "event" ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
    "part"."name", COALESCE("part"."from"::text, 'MINVALUE'), "at");
  IF "bound" IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT "log_bound_%s_%s"', "part"."name", "bound"."at", "bound".since);
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE "event")', 'event_' || "at");
  EXECUTE format('CREATE UNIQUE INDEX %I ON %I ("vehicle_id", "message_id") WHERE "message_id" IS NOT NULL',
    'event_' || "at" || '_message_key', 'event_' || "at");
  EXECUTE format('ALTER TABLE "event" ATTACH PARTITION %I FOR VALUES FROM (%s) TO (MAXVALUE)', 'event_' || "at", "at");
  RETURN 'split';
EXCEPTION WHEN lock_not_available THEN RETURN 'busy';
END $$;

-- The partitions of the log, in its order: the first position of each and the one behind its last (NULL for no bound), and its first
-- and last events, by position.
CREATE OR REPLACE FUNCTION "log_partitions"(
  OUT "name" TEXT, OUT "from" BIGINT, OUT "to" BIGINT,
  OUT "first" BIGINT, OUT "first_at" TIMESTAMPTZ, OUT "last" BIGINT, OUT "last_at" TIMESTAMPTZ
) RETURNS SETOF RECORD
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  FOR "name", "from", "to" IN
    SELECT c.relname, substring(b.bounds FROM $x$FROM \('(\d+)'\)$x$)::bigint AS lower, substring(b.bounds FROM $x$TO \('(\d+)'\)$x$)::bigint
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
      CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bounds) AS b
    WHERE i.inhparent = '"event"'::regclass AND NOT i.inhdetachpending ORDER BY lower NULLS FIRST
  LOOP
    BEGIN
      EXECUTE format('SELECT "position", "recorded_at" FROM %I ORDER BY "position" LIMIT 1', "name") INTO "first", "first_at";
      EXECUTE format('SELECT "position", "recorded_at" FROM %I ORDER BY "position" DESC LIMIT 1', "name") INTO "last", "last_at";
    EXCEPTION WHEN undefined_table THEN
      -- Another session has dropped it since.
      CONTINUE;
    END;
    RETURN NEXT;
  END LOOP;
END $$;

-- What 20261129300050_hold_autovacuum kept away may come again.
DO $$
DECLARE
  "table" REGCLASS;
BEGIN
  ALTER TABLE "vehicle" RESET (autovacuum_enabled);
  FOR "table" IN SELECT p."relid" FROM pg_partition_tree('"event"') AS p WHERE p."isleaf" LOOP
    EXECUTE format('ALTER TABLE %s RESET (autovacuum_enabled)', "table");
  END LOOP;
END $$;
