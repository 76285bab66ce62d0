-- The log in partitions, by ranges of positions, so that what is old is removed by dropping whole ones. The table of before becomes the
-- only partition, as it is: nothing is copied or read, and it is locked for milliseconds. Servers add the others as the log grows.
--
-- Where somebody reads the log for long, such as pg_dump, the migration tries again, and nobody has to wait behind it for more than
-- 200 ms. The lock on the vehicles comes first, as with every writer: calls of the former record_vehicle_states, which relied on
-- the unique index, are over once it is granted.
DO $$
BEGIN
  FOR attempt IN 1..600 LOOP
    BEGIN
      PERFORM set_config('lock_timeout', '200ms', TRUE);
      LOCK TABLE "vehicle" IN EXCLUSIVE MODE;
      LOCK TABLE "event" IN ACCESS EXCLUSIVE MODE;
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      IF attempt = 600 THEN RAISE; END IF;
      PERFORM pg_sleep(1);
    END;
  END LOOP;
END $$;

ALTER TABLE "event" RENAME TO "event_0";
ALTER INDEX "event_pkey" RENAME TO "event_0_pkey";
ALTER INDEX "event_owner_id_position_idx" RENAME TO "event_0_owner_id_position_idx";
ALTER INDEX "event_partner_id_position_idx" RENAME TO "event_0_partner_id_position_idx";
ALTER INDEX "event_vehicle_id_position_idx" RENAME TO "event_0_vehicle_id_position_idx";
ALTER INDEX "event_rare_owner_idx" RENAME TO "event_0_rare_owner_idx";
ALTER INDEX "event_rare_partner_idx" RENAME TO "event_0_rare_partner_idx";
ALTER INDEX "event_vehicle_id_message_id_key" RENAME TO "event_0_message_key";
DROP TRIGGER "event_hold_log_horizon" ON "event_0";

CREATE TABLE "event" (LIKE "event_0" INCLUDING DEFAULTS) PARTITION BY RANGE ("position");
ALTER TABLE "event" ADD CONSTRAINT "event_pkey" PRIMARY KEY ("position");
CREATE INDEX "event_owner_id_position_idx" ON "event" ("owner_id", "position");
CREATE INDEX "event_partner_id_position_idx" ON "event" ("partner_id", "position") WHERE "partner_id" IS NOT NULL;
CREATE INDEX "event_vehicle_id_position_idx" ON "event" ("vehicle_id", "position");
CREATE INDEX "event_rare_owner_idx" ON "event" ("owner_id", "type", "position") WHERE "type" <> 'STATE_RECORDED';
CREATE INDEX "event_rare_partner_idx" ON "event" ("partner_id", "type", "position")
  WHERE "type" <> 'STATE_RECORDED' AND "partner_id" IS NOT NULL;
ALTER SEQUENCE "event_position_seq" OWNED BY "event"."position";
ALTER TABLE "event_0" ALTER COLUMN "position" DROP DEFAULT, ALTER COLUMN "tag" DROP DEFAULT;
-- The bounds say no more than NOT NULL, and so need no proof; the indexes of before become those of the partition.
ALTER TABLE "event" ATTACH PARTITION "event_0" FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
CREATE TRIGGER "event_hold_log_horizon" BEFORE INSERT ON "event"
  FOR EACH STATEMENT EXECUTE FUNCTION "hold_log_horizon"();

-- Rights that somebody else was given on the log.
DO $$
DECLARE
  "given" RECORD;
BEGIN
  FOR "given" IN
    SELECT a.privilege_type AS kind, a.is_grantable AS grantable, COALESCE(quote_ident(r.rolname), 'PUBLIC') AS to_whom
    FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee
    WHERE c.oid = '"event_0"'::regclass AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('GRANT %s ON "event" TO %s%s', "given".kind, "given".to_whom,
      CASE WHEN "given".grantable THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
END $$;

-- The partitions of the log, in its order: the first position of each and the one behind its last (NULL for no bound), and its first
-- and last events, by position.
CREATE FUNCTION "log_partitions"(
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
    EXECUTE format('SELECT "position", "recorded_at" FROM %I ORDER BY "position" LIMIT 1', "name") INTO "first", "first_at";
    EXECUTE format('SELECT "position", "recorded_at" FROM %I ORDER BY "position" DESC LIMIT 1', "name") INTO "last", "last_at";
    RETURN NEXT;
  END LOOP;
END $$;

-- Ends the last partition of the log before the position "at", and adds another behind it, without an end: so there always is one for
-- whatever is written. Returns what was done: 'split'; 'bounded', 'validated' or 'released' where more steps are needed, each in a
-- transaction of its own; 'busy' where another session works on the partitions or reads the log for long.
--
-- PostgreSQL reads a partition whose bounds are changed, while nobody can use the log. That is for a partition of at most "few"
-- positions. A larger one gets a constraint that says the same first, which is proved while others read and write. Until the split
-- the constraint would refuse events at or behind "at": it is taken away when half of the distance to there is used up.
CREATE FUNCTION "split_log"("at" BIGINT, "few" BIGINT) RETURNS TEXT
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '100ms' AS $$
DECLARE
  "part" RECORD;
  "bound" RECORD;
  "drawn" BIGINT;
BEGIN
  IF NOT pg_try_advisory_xact_lock(x'46530002'::bigint) THEN RETURN 'busy'; END IF;
  SELECT * INTO "part" FROM "log_partitions"() AS p WHERE p."to" IS NULL;
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
  ELSIF "part"."last" - "part"."first" >= "few" THEN
    "at" := GREATEST("at", "drawn" + "few");
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT "log_bound_%s_%s" CHECK ("position" >= %s AND "position" < %s) NOT VALID',
      "part"."name", "at", "drawn", COALESCE("part"."from", 0), "at");
    RETURN 'bounded';
  END IF;
  LOCK TABLE "event" IN ACCESS EXCLUSIVE MODE;
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

-- Removes a partition of the log with all its events, and notes in "pruned" what the log lost, by fleet and type. Does nothing, and
-- returns false, unless all of its positions are settled and its last events of each fleet and type were recorded before "before"; also
-- where another session works on the partitions or reads the log for long.
--
-- The last events are found by the indexes, one fleet and type after the other, before the log is locked. Places are compared as rows,
-- which no other index could serve.
CREATE FUNCTION "drop_log_partition"("partition" TEXT, "before" TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '100ms' AS $$
DECLARE
  "part" RECORD;
  "audience" TEXT;
  "newest" TIMESTAMPTZ;
BEGIN
  IF NOT pg_try_advisory_xact_lock(x'46530002'::bigint) THEN RETURN FALSE; END IF;
  SELECT * INTO "part" FROM "log_partitions"() AS p WHERE p."name" = "partition";
  IF "part"."name" IS NULL OR "part"."to" IS NULL THEN RETURN FALSE; END IF;
  IF "part"."to" - 1 > (SELECT h."settled" FROM "log_horizon"() AS h) OR "part"."last_at" >= "before" THEN RETURN FALSE; END IF;
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
  LOCK TABLE "event" IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('DROP TABLE %I', "partition");
  RETURN TRUE;
EXCEPTION WHEN lock_not_available THEN RETURN FALSE;
END $$;
