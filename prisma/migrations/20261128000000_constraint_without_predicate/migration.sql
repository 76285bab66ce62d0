-- PostgreSQL uses a partial index for full scans wherever a statement implies its predicate, and a GiST index that one
-- statement scans several times loses live entries when its root page splits in between. So the constraint has no predicate:
-- a cancelled sharing has an empty period instead, which overlaps nothing. The constraint's own check begins a new scan for
-- each look, and is safe.
--
-- Rows that were lost so were seen by no decision: sharings that overlap, and events whose change met no row. They are
-- repaired first, each with a warning. No event is changed or removed.

-- The role may have limits and plans that are made for requests. This reads the whole log once.
SET LOCAL statement_timeout = 0;
SET LOCAL enable_seqscan = on;

-- The sharings of vehicles, or of all (NULL), as the log tells of them: the rules of src/domain/told.ts. Without an event that
-- is kept the row stands; where the oldest are removed the rest tells how it ended and when it is due. A plan for each call:
-- one vehicle's events are looked up, all are read.
CREATE FUNCTION "told_sharings"("vehicles" TEXT[]) RETURNS SETOF "sharing"
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  RETURN QUERY
  WITH told AS (
    SELECT e."sharing_id",
      (array_agg(e."recorded_at" ORDER BY e."position"))[1] AS "first_at",
      (array_agg(e."facts" ORDER BY e."position" DESC))[1] AS "latest",
      (array_agg(e."occurred_at" ORDER BY e."position" DESC) FILTER (WHERE e."type" = 'SHARING_STARTED'))[1] AS "started_at",
      (array_agg(e ORDER BY e."position" DESC) FILTER (WHERE e."type" = 'SHARING_END_REQUESTED'))[1] AS "asked",
      (array_agg(e ORDER BY e."position" DESC) FILTER (WHERE e."type" IN ('SHARING_ENDED', 'SHARING_CANCELLED')))[1] AS "over"
    FROM "event" AS e
    WHERE e."sharing_id" IS NOT NULL AND e."type" <> 'STATE_RECORDED' AND ("vehicles" IS NULL OR e."vehicle_id" = ANY("vehicles"))
    GROUP BY e."sharing_id"
  )
  SELECT (CASE WHEN t."sharing_id" IS NULL THEN s ELSE jsonb_populate_record(s, jsonb_build_object(
    'starts_at', COALESCE(t."started_at", s."starts_at"),
    'ends_at', to_timestamp((t."latest"->>'endsAt')::float8 / 1000)::timestamptz(3),
    'ended_at', CASE WHEN (t."over")."type" = 'SHARING_ENDED' THEN (t."over")."occurred_at" END,
    'end_reason', (t."over")."facts"->>'endReason',
    'cancelled_at', CASE WHEN (t."over")."type" = 'SHARING_CANCELLED' THEN (t."over")."occurred_at" END,
    'start_recorded', (t."over")."type" IS DISTINCT FROM 'SHARING_CANCELLED'
      AND (t."started_at" IS NOT NULL OR (t."first_at" > s."created_at" AND s."start_recorded")),
    'end_requested_at', COALESCE((t."asked")."occurred_at", CASE WHEN t."first_at" > s."created_at" THEN s."end_requested_at" END),
    'end_requested_by', CASE
      WHEN (t."asked")."position" IS NULL THEN CASE WHEN t."first_at" > s."created_at" THEN s."end_requested_by" END
      WHEN (t."asked")."occurred_at" = s."end_requested_at" THEN s."end_requested_by"
      -- The log does not tell which party asked; the audit trail may.
      ELSE COALESCE((SELECT a."actor_id" FROM "audit" AS a
        WHERE a."reader_id" = s."owner_id" AND a."vehicle_id" = s."vehicle_id" AND a."request_id" = (t."asked")."request_id"
          AND a."sharing_id" = s."id" AND a."refusal" IS NULL ORDER BY a."id" LIMIT 1), s."owner_id") END
  )) END).*
  FROM "sharing" AS s LEFT JOIN told AS t ON t."sharing_id" = s."id"
  WHERE "vehicles" IS NULL OR s."vehicle_id" = ANY("vehicles");
END $$;

-- The commands of which the log tells otherwise, as it tells of them.
CREATE FUNCTION "told_commands"("vehicles" TEXT[]) RETURNS SETOF "command"
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  RETURN QUERY
  WITH told AS (
    SELECT e."command_id",
      (array_agg(e."facts"->>'status' ORDER BY e."position" DESC))[1] AS "status",
      (array_agg(e."occurred_at" ORDER BY e."position" DESC))[1] AS "at",
      (array_agg(e."occurred_at" ORDER BY e."position" DESC) FILTER (WHERE e."facts"->>'status' = 'DISPATCHED'))[1] AS "dispatched_at"
    FROM "event" AS e
    WHERE e."command_id" IS NOT NULL AND e."type" <> 'STATE_RECORDED' AND ("vehicles" IS NULL OR e."vehicle_id" = ANY("vehicles"))
    GROUP BY e."command_id"
  )
  SELECT (jsonb_populate_record(c, jsonb_build_object(
    'status', t."status",
    'dispatched_at', CASE WHEN t."status" IN ('DISPATCHED', 'SUCCEEDED', 'FAILED', 'OUTCOME_UNKNOWN') THEN
      COALESCE(c."dispatched_at", t."dispatched_at", c."requested_at") END,
    'completed_at', CASE WHEN t."status" NOT IN ('PENDING', 'DISPATCHED') THEN t."at" END))).*
  FROM "command" AS c JOIN told AS t ON t."command_id" = c."id"
  WHERE t."status" <> c."status" AND ("vehicles" IS NULL OR c."vehicle_id" = ANY("vehicles"));
END $$;

-- Makes a vehicle's rows agree with the log and with each other, by the rules of src/domain/repair.ts, and says what it did. Tests
-- hold the two together. Takes the vehicle's lock; what fell due is left to the next decision on the vehicle.
CREATE FUNCTION "repair_vehicle"("vehicle_to_repair" TEXT) RETURNS SETOF TEXT
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
  "at" TIMESTAMPTZ(3);
  "standing" "sharing"[] := '{}';
  "given" "sharing"[] := '{}';
  "one" "sharing";
  "other" "sharing";
  "begun" BOOLEAN;
  "gives" BOOLEAN;
  "changed" RECORD;
  "touched" BOOLEAN := FALSE;
BEGIN
  PERFORM 1 FROM "vehicle" AS v WHERE v."id" = "vehicle_to_repair" FOR UPDATE;
  SELECT GREATEST(date_trunc('milliseconds', clock_timestamp()), v."last_instant") INTO "at"
    FROM "vehicle" AS v WHERE v."id" = "vehicle_to_repair";

  FOR "one" IN
    SELECT * FROM "told_sharings"(ARRAY["vehicle_to_repair"]) AS t
    ORDER BY NOT (t."cancelled_at" IS NULL AND (t."start_recorded" OR t."ended_at" IS NOT NULL)),
      CASE WHEN t."start_recorded" OR t."ended_at" IS NOT NULL THEN t."starts_at" END, t."created_at", t."id"
  LOOP
    "begun" := "one"."cancelled_at" IS NULL AND ("one"."start_recorded" OR "one"."ended_at" IS NOT NULL);
    "gives" := FALSE;
    FOR i IN 1 .. cardinality("standing") LOOP
      "other" := "standing"[i];
      CONTINUE WHEN "gives" OR NOT
        tstzrange("one"."starts_at", CASE WHEN "one"."cancelled_at" IS NULL THEN LEAST("one"."ends_at", "one"."ended_at") ELSE "one"."starts_at" END)
        && tstzrange("other"."starts_at", CASE WHEN "other"."cancelled_at" IS NULL THEN LEAST("other"."ends_at", "other"."ended_at") ELSE "other"."starts_at" END);
      IF NOT "begun" THEN
        "gives" := TRUE;
        "one"."cancelled_at" := LEAST("at", "one"."starts_at" - interval '1 ms');
        "one"."end_reason" := 'CANCELLED_BY_OWNER';
        "given" := "given" || "one";
        RETURN NEXT format('vehicle %s, sharing %s: it met sharing %s and had not started: called off as of %s',
          "vehicle_to_repair", "one"."id", "other"."id", "one"."cancelled_at");
      ELSIF "other"."starts_at" = "one"."starts_at" THEN
        "other"."cancelled_at" := LEAST("at", "other"."starts_at" - interval '1 ms');
        "other"."ended_at" := NULL;
        "other"."end_reason" := 'CANCELLED_BY_OWNER';
        "other"."start_recorded" := FALSE;
        "standing"[i] := "other";
        "given" := "given" || "other";
        RETURN NEXT format('vehicle %s, sharing %s: sharing %s started at the same instant: called off as of %s',
          "vehicle_to_repair", "other"."id", "one"."id", "other"."cancelled_at");
      ELSE
        "other"."ended_at" := "one"."starts_at";
        "other"."end_reason" := 'ENDED_BY_OWNER';
        "standing"[i] := "other";
        "given" := "given" || "other";
        RETURN NEXT format('vehicle %s, sharing %s: sharing %s started before it had ended: ended as of %s',
          "vehicle_to_repair", "other"."id", "one"."id", "other"."ended_at");
      END IF;
    END LOOP;
    "standing" := "standing" || "one";
  END LOOP;

  -- What gets shorter before what gets longer, so that the constraint never sees two that overlap.
  FOR "changed" IN
    SELECT s AS "before", n AS "after" FROM unnest("standing") AS n JOIN "sharing" AS s ON s."id" = n."id"
    WHERE (to_jsonb(s) - 'handover' - 'returned') <> (to_jsonb(n) - 'handover' - 'returned')
    ORDER BY n."cancelled_at" IS NULL,
      COALESCE(LEAST(n."ends_at", n."ended_at"), 'infinity') > COALESCE(LEAST(s."ends_at", s."ended_at"), 'infinity'), n."starts_at"
  LOOP
    "touched" := TRUE;
    "one" := "changed"."after";
    UPDATE "sharing" AS s SET "starts_at" = "one"."starts_at", "ends_at" = "one"."ends_at", "ended_at" = "one"."ended_at",
      "end_reason" = "one"."end_reason", "cancelled_at" = "one"."cancelled_at", "start_recorded" = "one"."start_recorded",
      "end_requested_at" = "one"."end_requested_at", "end_requested_by" = "one"."end_requested_by"
    WHERE s."id" = "one"."id";
    RETURN QUERY
      SELECT format('vehicle %s, sharing %s: the row is set to what the log says: %s', "vehicle_to_repair", "one"."id",
        string_agg(format('%s %s instead of %s', a."key", COALESCE(a."value", 'none'), COALESCE(b."value", 'none')), ', ' ORDER BY a."key"))
      FROM jsonb_each_text(to_jsonb("changed"."after")) AS a JOIN jsonb_each_text(to_jsonb("changed"."before")) AS b ON b."key" = a."key"
      WHERE a."value" IS DISTINCT FROM b."value" HAVING count(*) > 0;
  END LOOP;

  INSERT INTO "event" ("type", "vehicle_id", "owner_id", "partner_id", "occurred_at", "recorded_at", "sharing_id", "facts")
  SELECT CASE WHEN g."cancelled_at" IS NULL THEN 'SHARING_ENDED' ELSE 'SHARING_CANCELLED' END, g."vehicle_id", g."owner_id",
    g."partner_id", COALESCE(g."cancelled_at", g."ended_at"), "at", g."id",
    jsonb_build_object('endsAt', (extract(epoch FROM g."ends_at") * 1000)::bigint, 'endReason', g."end_reason")
  FROM unnest("given") WITH ORDINALITY AS g ORDER BY g."ordinality";

  FOR "changed" IN
    UPDATE "command" AS c SET "status" = t."status", "dispatched_at" = t."dispatched_at", "completed_at" = t."completed_at"
    FROM "told_commands"(ARRAY["vehicle_to_repair"]) AS t JOIN "command" AS b ON b."id" = t."id"
    WHERE c."id" = t."id" RETURNING c."id", c."status", b."status" AS "before"
  LOOP
    "touched" := TRUE;
    RETURN NEXT format('vehicle %s, command %s: the row is set to what the log says: %s instead of %s',
      "vehicle_to_repair", "changed"."id", "changed"."status", "changed"."before");
  END LOOP;

  -- Whoever has read the vehicle before has to decide anew.
  IF "touched" THEN
    UPDATE "vehicle" AS v SET "last_instant" = "at" WHERE v."id" = "vehicle_to_repair";
  END IF;
END $$;

-- Instances of the version before may be at work. The log is read before any lock is taken; behind the locks only what
-- they have written meanwhile, and the sharings. Vehicles first, as every writer does.
DO $$
DECLARE
  "settled" BIGINT;
  "suspects" TEXT[];
  "suspect" TEXT;
  "line" TEXT;
BEGIN
  SELECT h."settled" INTO "settled" FROM "log_horizon"() AS h;
  "suspects" := ARRAY(
    SELECT s."vehicle_id" FROM "sharing" AS s JOIN "told_sharings"(NULL) AS t ON t."id" = s."id"
      WHERE (to_jsonb(s) - 'handover' - 'returned') <> (to_jsonb(t) - 'handover' - 'returned')
    UNION SELECT t."vehicle_id" FROM "told_commands"(NULL) AS t);
  LOCK TABLE "vehicle" IN EXCLUSIVE MODE;
  LOCK TABLE "sharing" IN ACCESS EXCLUSIVE MODE;
  ALTER TABLE "sharing" DROP CONSTRAINT "sharing_one_at_a_time";
  FOR "suspect" IN
    SELECT unnest("suspects")
    UNION SELECT e."vehicle_id" FROM "event" AS e WHERE e."position" > "settled" AND e."type" <> 'STATE_RECORDED'
    UNION SELECT o."vehicle_id" FROM (
      SELECT s."vehicle_id", s."starts_at", max(COALESCE(LEAST(s."ends_at", s."ended_at"), 'infinity')) OVER (
          PARTITION BY s."vehicle_id" ORDER BY s."starts_at", s."id" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "busy_until"
      FROM "sharing" AS s WHERE s."cancelled_at" IS NULL) AS o
    WHERE o."starts_at" < o."busy_until"
    ORDER BY 1
  LOOP
    BEGIN
      FOR "line" IN SELECT * FROM "repair_vehicle"("suspect") LOOP
        RAISE WARNING '%', "line";
      END LOOP;
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'vehicle %: what the log says of it cannot be: %', "suspect", SQLERRM;
    END;
  END LOOP;
END $$;

ALTER TABLE "sharing" ADD CONSTRAINT "sharing_one_at_a_time" EXCLUDE USING gist
  ("vehicle_id" COLLATE "POSIX" WITH =, tstzrange("starts_at",
    CASE WHEN "cancelled_at" IS NULL THEN LEAST("ends_at", "ended_at") ELSE "starts_at" END) WITH &&);
