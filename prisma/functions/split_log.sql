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
