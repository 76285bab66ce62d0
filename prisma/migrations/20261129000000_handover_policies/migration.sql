-- A start and an end may wait for the vehicle to be idle: with which policy, since when, until when at the latest, and when
-- control did pass. Vehicles know when they were last heard of, and who uses them. Instances of the version before may be at
-- work meanwhile and after it: what they do not know has defaults, a trigger fills in what they leave out, and constraints refuse
-- what they would decide wrongly of a sharing with a policy.

-- The role may have limits that are made for requests. This rewrites the sharings once.
SET LOCAL statement_timeout = 0;

-- What several numbers all instances decide by; the last one that started with another value sets it.
CREATE TABLE "setting" ("name" TEXT PRIMARY KEY, "value" INT NOT NULL);
INSERT INTO "setting" VALUES ('idle_max_silence_minutes', 60);

-- In this order, as every writer does.
LOCK TABLE "vehicle" IN ACCESS EXCLUSIVE MODE;
LOCK TABLE "sharing" IN ACCESS EXCLUSIVE MODE;

ALTER TABLE "vehicle" ADD COLUMN "last_contact_at" TIMESTAMPTZ(3), ADD COLUMN "use" JSONB;
UPDATE "vehicle" SET "last_contact_at" =
    GREATEST("position_at", "speed_at", "mileage_at", "energy_at", "central_lock_at", "driving_enabled_at", "ignition_at")
  WHERE COALESCE("position_at", "speed_at", "mileage_at", "energy_at", "central_lock_at", "driving_enabled_at", "ignition_at") IS NOT NULL;

ALTER TABLE "sharing"
  ADD COLUMN "start_when_idle" BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN "end_when_idle" BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN "latest_ends_at" TIMESTAMPTZ(3),
  ADD COLUMN "is_overrun" BOOLEAN,
  ADD COLUMN "started_at" TIMESTAMPTZ(3),
  ADD COLUMN "start_awaited_since" TIMESTAMPTZ(3);
UPDATE "sharing" SET "started_at" = "starts_at" WHERE "start_recorded";

-- The next step by time, for what looks for steps that have fallen due: dueOf() of src/domain/handover/settle.ts.
ALTER TABLE "sharing" ADD COLUMN "due_at" TIMESTAMPTZ(3) GENERATED ALWAYS AS (CASE
  WHEN "cancelled_at" IS NOT NULL OR "ended_at" IS NOT NULL THEN NULL
  WHEN "started_at" IS NULL AND "start_awaited_since" IS NULL THEN "starts_at"
  WHEN "is_overrun" THEN "latest_ends_at"
  ELSE "ends_at" END) STORED;
CREATE INDEX "sharing_due_at_idx" ON "sharing" ("due_at") WHERE "due_at" IS NOT NULL;
DROP INDEX "sharing_due_start_idx";
DROP INDEX "sharing_due_end_idx";

ALTER TABLE "sharing"
  DROP CONSTRAINT "sharing_end_reason_check",
  DROP CONSTRAINT "sharing_end_not_after_due",
  DROP CONSTRAINT "sharing_cancelled_before_start",
  DROP CONSTRAINT "sharing_end_requested_by_a_party",
  DROP CONSTRAINT "sharing_one_at_a_time",
  ADD CONSTRAINT "sharing_end_reason_check" CHECK ("end_reason" IN
    ('ENDED_BY_OWNER', 'ENDED_BY_PARTNER', 'EXPIRED', 'CANCELLED_BY_OWNER', 'CANCELLED_BY_PARTNER', 'NOT_HANDED_OVER')),
  ADD CONSTRAINT "sharing_end_not_after_due" CHECK ("ended_at" <= COALESCE("latest_ends_at", "ends_at")),
  -- One that waits to start may be called off after its due start.
  ADD CONSTRAINT "sharing_cancelled_before_start" CHECK
    ("cancelled_at" IS NULL OR (("cancelled_at" < "starts_at" OR "start_when_idle") AND "ended_at" IS NULL AND NOT "start_recorded")),
  ADD CONSTRAINT "sharing_started_when_due" CHECK
    ("started_at" = "starts_at" OR ("start_when_idle" AND "started_at" > "starts_at")),
  ADD CONSTRAINT "sharing_started_before_end" CHECK ("started_at" < "ended_at"),
  ADD CONSTRAINT "sharing_start_recorded" CHECK ("start_recorded" = ("started_at" IS NOT NULL)),
  ADD CONSTRAINT "sharing_start_awaited" CHECK ("start_awaited_since" IS NULL
    OR ("start_when_idle" AND "start_awaited_since" = "starts_at" AND "started_at" IS NULL AND "cancelled_at" IS NULL AND "ended_at" IS NULL)),
  -- A due end that may wait asks for the end by itself.
  ADD CONSTRAINT "sharing_end_requested_by_a_party" CHECK (CASE WHEN "end_requested_by" IS NULL
    THEN "end_requested_at" IS NULL OR "is_overrun" IS TRUE
    ELSE "end_requested_at" IS NOT NULL AND "end_requested_by" IN ("owner_id", "partner_id") END),
  ADD CONSTRAINT "sharing_latest_end" CHECK (CASE WHEN "end_when_idle" AND "ends_at" IS NOT NULL
    THEN "latest_ends_at" IS NOT NULL AND "latest_ends_at" >= "ends_at" ELSE "latest_ends_at" IS NULL END),
  -- A due end that may wait is decided by an instance that knows of it.
  ADD CONSTRAINT "sharing_due_end_decided" CHECK
    (NOT "end_when_idle" OR "ended_at" IS NULL OR "ended_at" < "ends_at" OR "is_overrun" IS NOT NULL),
  -- One controller at any instant, whatever the application believes; and the time that an end may take is no other sharing's.
  ADD CONSTRAINT "sharing_one_at_a_time" EXCLUDE USING gist
    ("vehicle_id" COLLATE "POSIX" WITH =, tstzrange("starts_at", CASE WHEN "cancelled_at" IS NULL
      THEN LEAST(COALESCE("latest_ends_at", "ends_at"), "ended_at") ELSE "starts_at" END) WITH &&);

-- Instances of the version before record a start by the flag alone. With startPolicy WHEN_IDLE that is refused.
CREATE FUNCTION "fill_started_at"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  NEW."started_at" := NEW."starts_at";
  RETURN NEW;
END $$;
CREATE TRIGGER "sharing_fill_started_at" BEFORE INSERT OR UPDATE ON "sharing"
  FOR EACH ROW WHEN (NEW."start_recorded" AND NEW."started_at" IS NULL AND NOT NEW."start_when_idle")
  EXECUTE FUNCTION "fill_started_at"();

-- Whether control of a vehicle could pass at an instant without surprising anybody: the rule of src/domain/handover/idleness.ts.
CREATE OR REPLACE FUNCTION "is_idle"("v" "vehicle", "at" TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT COALESCE("v"."speed_kmh", 0) = 0
    AND COALESCE("v"."ignition", "v"."driving_enabled") IS FALSE
    AND "v"."central_lock" IS DISTINCT FROM 'UNLOCKED'
    AND "v"."use" IS NULL
    AND ("v"."central_lock" IS NOT NULL OR NOT "v"."supported_commands" && ARRAY[
      'LOCK_CENTRAL_LOCK', 'UNLOCK_CENTRAL_LOCK', 'LOCK_AND_DISABLE_DRIVING', 'UNLOCK_AND_ENABLE_DRIVING'])
    AND ("at" - "v"."last_contact_at" <= make_interval(mins =>
      (SELECT s."value" FROM "setting" AS s WHERE s."name" = 'idle_max_silence_minutes'))) IS TRUE
$$;

-- The open sharings of a vehicle as they are at an instant, whether what fell due by then is recorded or not: the rules of
-- src/domain/handover/settle.ts, for lists. No two sharings meet, so that each can be taken to its end before the next.
CREATE OR REPLACE FUNCTION "settled_sharings"("of_vehicle" TEXT, "at" TIMESTAMPTZ) RETURNS SETOF "sharing"
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
  "v" "vehicle";
  "s" "sharing";
BEGIN
  SELECT * INTO "v" FROM "vehicle" AS t WHERE t."id" = "of_vehicle";
  FOR "s" IN
    SELECT * FROM "sharing" AS t
    WHERE t."vehicle_id" = "of_vehicle" AND t."cancelled_at" IS NULL AND t."ended_at" IS NULL ORDER BY t."starts_at"
  LOOP
    IF "s"."started_at" IS NULL AND "s"."start_awaited_since" IS NULL AND "s"."starts_at" <= "at" THEN
      IF NOT "s"."start_when_idle" OR "is_idle"("v", "s"."starts_at") THEN
        "s"."started_at" := "s"."starts_at";
        "v"."use" := NULL;
      ELSE
        "s"."start_awaited_since" := "s"."starts_at";
      END IF;
    END IF;
    IF "s"."start_awaited_since" IS NOT NULL AND "s"."ends_at" <= "at" THEN
      "s"."start_awaited_since" := NULL;
      "s"."cancelled_at" := "s"."ends_at";
      "s"."end_reason" := 'NOT_HANDED_OVER';
    END IF;
    IF "s"."started_at" IS NOT NULL AND "s"."is_overrun" IS NOT TRUE AND "s"."ends_at" <= "at" THEN
      IF "s"."latest_ends_at" > "s"."ends_at" AND NOT "is_idle"("v", "s"."ends_at") THEN
        "s"."is_overrun" := TRUE;
        "s"."end_requested_at" := COALESCE("s"."end_requested_at", "s"."ends_at");
      ELSE
        "s"."is_overrun" := CASE WHEN "s"."end_when_idle" THEN FALSE END;
        "s"."ended_at" := "s"."ends_at";
      END IF;
    END IF;
    IF "s"."is_overrun" AND "s"."latest_ends_at" <= "at" THEN
      "s"."ended_at" := "s"."latest_ends_at";
    END IF;
    IF "s"."ended_at" IS NOT NULL THEN
      "s"."end_reason" := 'EXPIRED';
      "v"."use" := NULL;
    END IF;
    RETURN NEXT "s";
  END LOOP;
END $$;

-- Whether a sharing with a policy is in force at an instant by which something of it has fallen due that is not recorded yet.
CREATE OR REPLACE FUNCTION "in_force_when_due"("of_vehicle" TEXT, "sharing_id" TEXT, "at" TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM "settled_sharings"("of_vehicle", "at") AS s
    WHERE s."id" = "sharing_id" AND s."cancelled_at" IS NULL AND s."started_at" <= "at" AND (s."ended_at" IS NULL OR s."ended_at" > "at"));
END $$;

-- The sharings of some vehicles (NULL for all) as the log tells them: what their events say last, and the rows' own values
-- where events have been removed for their age.
CREATE OR REPLACE FUNCTION "told_sharings"("vehicles" TEXT[]) RETURNS SETOF "sharing"
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  RETURN QUERY
  WITH told AS (
    SELECT e."sharing_id",
      (array_agg(e."recorded_at" ORDER BY e."position"))[1] AS "first_at",
      (array_agg(e."facts" ORDER BY e."position" DESC))[1] AS "latest",
      (array_agg(e."occurred_at" ORDER BY e."position" DESC) FILTER (WHERE e."type" = 'SHARING_STARTED'))[1] AS "started_at",
      (array_agg(e."occurred_at" ORDER BY e."position" DESC) FILTER (WHERE e."type" = 'SHARING_START_AWAITED'))[1] AS "awaited_at",
      (array_agg(e ORDER BY e."position" DESC) FILTER (WHERE e."type" = 'SHARING_END_REQUESTED'))[1] AS "asked",
      (array_agg(e ORDER BY e."position" DESC) FILTER (WHERE e."type" IN ('SHARING_ENDED', 'SHARING_CANCELLED')))[1] AS "over"
    FROM "event" AS e
    WHERE e."sharing_id" IS NOT NULL AND e."type" <> 'STATE_RECORDED' AND ("vehicles" IS NULL OR e."vehicle_id" = ANY("vehicles"))
    GROUP BY e."sharing_id"
  ), waiting AS (
    -- A wait that began at a due end is over once a later end was set.
    SELECT t.*, (t."asked")."position" IS NOT NULL AND NOT ((t."asked")."request_id" IS NULL AND EXISTS (
        SELECT FROM "event" AS c
        WHERE c."vehicle_id" = (t."asked")."vehicle_id" AND c."sharing_id" = t."sharing_id" AND c."type" = 'SHARING_END_CHANGED'
          AND c."position" > (t."asked")."position"
          AND COALESCE((c."facts"->>'endsAt')::float8 > extract(epoch FROM (t."asked")."occurred_at") * 1000, TRUE))) AS "waits"
    FROM told AS t
  )
  SELECT (CASE WHEN t."sharing_id" IS NULL THEN s ELSE jsonb_populate_record(s, jsonb_build_object(
    'starts_at', COALESCE(CASE WHEN NOT s."start_when_idle" THEN t."started_at" END, s."starts_at"),
    'started_at', CASE WHEN (t."over")."type" IS DISTINCT FROM 'SHARING_CANCELLED' THEN
      COALESCE(t."started_at", CASE WHEN t."first_at" > s."created_at" THEN s."started_at" END) END,
    'start_recorded', (t."over")."type" IS DISTINCT FROM 'SHARING_CANCELLED'
      AND (t."started_at" IS NOT NULL OR (t."first_at" > s."created_at" AND s."start_recorded")),
    'start_awaited_since', CASE WHEN t."started_at" IS NULL AND (t."over")."position" IS NULL THEN
      COALESCE(t."awaited_at", CASE WHEN t."first_at" > s."created_at" THEN s."start_awaited_since" END) END,
    'ends_at', to_timestamp((t."latest"->>'endsAt')::float8 / 1000)::timestamptz(3),
    'latest_ends_at', to_timestamp((t."latest"->>'latestEndsAt')::float8 / 1000)::timestamptz(3),
    'ended_at', CASE WHEN (t."over")."type" = 'SHARING_ENDED' THEN (t."over")."occurred_at" END,
    'end_reason', (t."over")."facts"->>'endReason',
    'cancelled_at', CASE WHEN (t."over")."type" = 'SHARING_CANCELLED' THEN (t."over")."occurred_at" END,
    'end_requested_at', CASE WHEN t."waits" THEN (t."asked")."occurred_at"
      WHEN t."first_at" > s."created_at" THEN s."end_requested_at" END,
    'is_overrun', CASE WHEN t."waits" AND (t."asked")."request_id" IS NULL AND s."end_when_idle" THEN TRUE
      ELSE s."is_overrun" END,
    'end_requested_by', CASE
      WHEN NOT t."waits" THEN CASE WHEN t."first_at" > s."created_at" THEN s."end_requested_by" END
      -- A due end that may wait asks by itself.
      WHEN (t."asked")."request_id" IS NULL AND s."end_when_idle" THEN NULL
      WHEN (t."asked")."occurred_at" = s."end_requested_at" AND s."end_requested_by" IS NOT NULL THEN s."end_requested_by"
      -- The log does not tell which party asked; the audit trail may.
      ELSE COALESCE((SELECT a."actor_id" FROM "audit" AS a
        WHERE a."reader_id" = s."owner_id" AND a."vehicle_id" = s."vehicle_id" AND a."request_id" = (t."asked")."request_id"
          AND a."sharing_id" = s."id" AND a."refusal" IS NULL ORDER BY a."id" LIMIT 1), s."owner_id") END
  )) END).*
  FROM "sharing" AS s LEFT JOIN waiting AS t ON t."sharing_id" = s."id"
  WHERE "vehicles" IS NULL OR s."vehicle_id" = ANY("vehicles");
END $$;

-- Makes the sharings and commands of a vehicle agree with the log, under the vehicle's lock, and returns a line for each thing
-- that it did. Sharings that overlap give way: those that have not started are called off, the earlier of two that have started
-- ends where the later began, each with its event. No event is changed or removed. The rules are those of the domain, and tests
-- hold the two together.
CREATE OR REPLACE FUNCTION "repair_vehicle"("vehicle_to_repair" TEXT) RETURNS SETOF TEXT
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
        tstzrange("one"."starts_at", CASE WHEN "one"."cancelled_at" IS NULL THEN LEAST(COALESCE("one"."latest_ends_at", "one"."ends_at"), "one"."ended_at") ELSE "one"."starts_at" END)
        && tstzrange("other"."starts_at", CASE WHEN "other"."cancelled_at" IS NULL THEN LEAST(COALESCE("other"."latest_ends_at", "other"."ends_at"), "other"."ended_at") ELSE "other"."starts_at" END);
      IF NOT "begun" THEN
        "gives" := TRUE;
        "one"."start_awaited_since" := NULL;
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
        "other"."started_at" := NULL;
        "standing"[i] := "other";
        "given" := "given" || "other";
        RETURN NEXT format('vehicle %s, sharing %s: sharing %s started at the same instant: called off as of %s',
          "vehicle_to_repair", "other"."id", "one"."id", "other"."cancelled_at");
      ELSE
        "other"."ended_at" := "one"."starts_at";
        "other"."end_reason" := 'ENDED_BY_OWNER';
        "other"."is_overrun" := CASE WHEN "other"."end_when_idle" THEN COALESCE("other"."is_overrun", FALSE) END;
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
    WHERE (to_jsonb(s) - 'handover' - 'returned' - 'due_at') <> (to_jsonb(n) - 'handover' - 'returned' - 'due_at')
    ORDER BY n."cancelled_at" IS NULL,
      COALESCE(LEAST(COALESCE(n."latest_ends_at", n."ends_at"), n."ended_at"), 'infinity')
        > COALESCE(LEAST(COALESCE(s."latest_ends_at", s."ends_at"), s."ended_at"), 'infinity'), n."starts_at"
  LOOP
    "touched" := TRUE;
    "one" := "changed"."after";
    UPDATE "sharing" AS s SET "starts_at" = "one"."starts_at", "ends_at" = "one"."ends_at", "ended_at" = "one"."ended_at",
      "end_reason" = "one"."end_reason", "cancelled_at" = "one"."cancelled_at", "start_recorded" = "one"."start_recorded",
      "started_at" = "one"."started_at", "start_awaited_since" = "one"."start_awaited_since",
      "latest_ends_at" = "one"."latest_ends_at", "is_overrun" = "one"."is_overrun",
      "end_requested_at" = "one"."end_requested_at", "end_requested_by" = "one"."end_requested_by"
    WHERE s."id" = "one"."id";
    RETURN QUERY
      SELECT format('vehicle %s, sharing %s: the row is set to what the log says: %s', "vehicle_to_repair", "one"."id",
        string_agg(format('%s %s instead of %s', a."key", COALESCE(a."value", 'none'), COALESCE(b."value", 'none')), ', ' ORDER BY a."key"))
      FROM jsonb_each_text(to_jsonb("changed"."after") - 'due_at') AS a
        JOIN jsonb_each_text(to_jsonb("changed"."before")) AS b ON b."key" = a."key"
      WHERE a."value" IS DISTINCT FROM b."value" HAVING count(*) > 0;
  END LOOP;

  INSERT INTO "event" ("type", "vehicle_id", "owner_id", "partner_id", "occurred_at", "recorded_at", "sharing_id", "facts")
  SELECT CASE WHEN g."cancelled_at" IS NULL THEN 'SHARING_ENDED' ELSE 'SHARING_CANCELLED' END, g."vehicle_id", g."owner_id",
    g."partner_id", COALESCE(g."cancelled_at", g."ended_at"), "at", g."id",
    jsonb_build_object('endsAt', (extract(epoch FROM g."ends_at") * 1000)::bigint, 'endReason', g."end_reason")
      || jsonb_strip_nulls(jsonb_build_object('latestEndsAt', (extract(epoch FROM g."latest_ends_at") * 1000)::bigint))
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

-- Records a batch of checked reports in one round trip, whatever its size: locks the vehicles, skips the messages that are
-- known, merges each reading by its own time and appends the events with the audience of their instant.
--
-- It decides nothing about control. Where something fell due, or the start or the end of a sharing waits for the vehicle to be
-- idle (and "attended", the vehicles that the caller looks after, does not name it), it returns those vehicles as "attention" and
-- writes nothing. "unknown" has the indexes of reports on vehicles that do not exist. Where "told" is true it returns the events, with
-- instants in milliseconds. The rules are those of the domain, and tests hold the two together.
CREATE OR REPLACE FUNCTION "record_vehicle_states"(
  IN "reports" JSONB, IN "request_id" TEXT, IN "attended" TEXT[], IN "told" BOOLEAN,
  OUT "recorded" INT, OUT "unknown" INT[], OUT "attention" TEXT[], OUT "events" JSONB
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  "ids" TEXT[] := ARRAY(SELECT DISTINCT r->>'vehicleId' FROM jsonb_array_elements("reports") AS r);
  "now" TIMESTAMPTZ(3);
BEGIN
  -- Always in this order, so that two batches never wait for each other crosswise.
  PERFORM 1 FROM "vehicle" AS v WHERE v."id" = ANY("ids") ORDER BY v."id" FOR UPDATE;
  "now" := date_trunc('milliseconds', clock_timestamp());
  "recorded" := 0;
  "attention" := ARRAY(
    SELECT v."id" FROM "vehicle" AS v CROSS JOIN LATERAL (SELECT GREATEST("now", v."last_instant") AS at) AS i
    WHERE v."id" = ANY("ids") AND v."deleted_at" IS NULL AND (
      EXISTS (
        SELECT FROM "sharing" AS s
        WHERE s."vehicle_id" = v."id" AND s."cancelled_at" IS NULL AND s."ended_at" IS NULL AND (
          s."due_at" <= i.at
          OR ((s."end_requested_at" IS NOT NULL OR s."start_awaited_since" IS NOT NULL) AND v."id" <> ALL("attended"))
          OR EXISTS (
            SELECT FROM "sharing" AS o
            WHERE o."vehicle_id" = s."vehicle_id" AND o."cancelled_at" IS NULL AND o."ended_at" IS NULL AND o."id" > s."id"
              AND (o."ends_at" IS NULL OR s."starts_at" < COALESCE(o."latest_ends_at", o."ends_at"))
              AND (s."ends_at" IS NULL OR o."starts_at" < COALESCE(s."latest_ends_at", s."ends_at"))))
      ) OR EXISTS (
        SELECT FROM "command" AS c
        WHERE c."vehicle_id" = v."id" AND c."status" IN ('PENDING', 'DISPATCHED') AND c."deadline" <= i.at
      )));
  "unknown" := ARRAY(
    SELECT (r->>'index')::int FROM jsonb_array_elements("reports") AS r
    WHERE NOT EXISTS (SELECT FROM "vehicle" AS v WHERE v."id" = r->>'vehicleId' AND v."deleted_at" IS NULL OFFSET 0));
  IF cardinality("attention") > 0 THEN RETURN; END IF;

  WITH report AS MATERIALIZED (
    SELECT DISTINCT ON (r."vehicleId", r."messageId")
      r.*, v."owner_id", i.at, LEAST(to_timestamp(r."occurredAt" / 1000.0)::timestamptz(3), i.at) AS occurred_at
    FROM jsonb_to_recordset("reports") AS r(
      "index" INT, "vehicleId" TEXT, "messageId" TEXT, "occurredAt" FLOAT8, "latitude" FLOAT8, "longitude" FLOAT8,
      "speedKmh" FLOAT8, "mileageKm" FLOAT8, "energyPercent" FLOAT8, "centralLock" TEXT, "drivingEnabled" BOOLEAN,
      "ignition" BOOLEAN)
    CROSS JOIN LATERAL (
      SELECT * FROM "vehicle" AS v WHERE v."id" = r."vehicleId" AND v."deleted_at" IS NULL OFFSET 0) AS v
    CROSS JOIN LATERAL (SELECT GREATEST("now", v."last_instant") AS at) AS i
    ORDER BY r."vehicleId", r."messageId", r."index"
  ), logged AS (
    -- A message is known as long as its event is in the log.
    INSERT INTO "event"
      ("type", "vehicle_id", "owner_id", "partner_id", "occurred_at", "recorded_at", "request_id", "message_id", "facts")
    SELECT 'STATE_RECORDED', "vehicleId", "owner_id", last."partner_id", occurred_at, at,
      "record_vehicle_states"."request_id", "messageId",
      jsonb_strip_nulls(jsonb_build_object(
        'position', CASE WHEN "latitude" IS NOT NULL THEN
          jsonb_build_object('latitude', "latitude", 'longitude', "longitude") END,
        'speedKmh', "speedKmh", 'mileageKm', "mileageKm", 'energyPercent', "energyPercent",
        'centralLock', "centralLock", 'drivingEnabled', "drivingEnabled", 'ignition', "ignition"))
    FROM report LEFT JOIN LATERAL (
      -- Sharings do not overlap: of those that started by then only the last can have been in force. All that fell due is recorded.
      SELECT CASE WHEN s."ended_at" <= report.occurred_at THEN NULL ELSE s."partner_id" END AS "partner_id"
      FROM "sharing" AS s
      WHERE s."vehicle_id" = report."vehicleId" AND s."starts_at" <= report.occurred_at AND s."started_at" <= report.occurred_at
      ORDER BY s."starts_at" DESC LIMIT 1
    ) AS last ON TRUE
    ORDER BY "index"
    ON CONFLICT ("vehicle_id", "message_id") WHERE "message_id" IS NOT NULL DO NOTHING
    RETURNING *
  ), fresh AS MATERIALIZED (
    SELECT report.* FROM report JOIN logged ON logged."vehicle_id" = "vehicleId" AND logged."message_id" = "messageId"
  ), newest AS (
    SELECT "vehicleId" AS id, max(at) AS at, max(occurred_at) AS contact_at,
      max(occurred_at) FILTER (WHERE "latitude" IS NOT NULL) AS position_at,
      (array_agg("latitude" ORDER BY occurred_at DESC, "index" DESC) FILTER (WHERE "latitude" IS NOT NULL))[1] AS latitude,
      (array_agg("longitude" ORDER BY occurred_at DESC, "index" DESC) FILTER (WHERE "latitude" IS NOT NULL))[1] AS longitude,
      max(occurred_at) FILTER (WHERE "speedKmh" IS NOT NULL) AS speed_at,
      (array_agg("speedKmh" ORDER BY occurred_at DESC, "index" DESC) FILTER (WHERE "speedKmh" IS NOT NULL))[1] AS speed,
      max(occurred_at) FILTER (WHERE "mileageKm" IS NOT NULL) AS mileage_at,
      (array_agg("mileageKm" ORDER BY occurred_at DESC, "index" DESC) FILTER (WHERE "mileageKm" IS NOT NULL))[1] AS mileage,
      max(occurred_at) FILTER (WHERE "energyPercent" IS NOT NULL) AS energy_at,
      (array_agg("energyPercent" ORDER BY occurred_at DESC, "index" DESC) FILTER (WHERE "energyPercent" IS NOT NULL))[1] AS energy,
      max(occurred_at) FILTER (WHERE "centralLock" IS NOT NULL) AS lock_at,
      (array_agg("centralLock" ORDER BY occurred_at DESC, "index" DESC) FILTER (WHERE "centralLock" IS NOT NULL))[1] AS lock,
      max(occurred_at) FILTER (WHERE "drivingEnabled" IS NOT NULL) AS driving_at,
      (array_agg("drivingEnabled" ORDER BY occurred_at DESC, "index" DESC) FILTER (WHERE "drivingEnabled" IS NOT NULL))[1] AS driving,
      max(occurred_at) FILTER (WHERE "ignition" IS NOT NULL) AS ignition_at,
      (array_agg("ignition" ORDER BY occurred_at DESC, "index" DESC) FILTER (WHERE "ignition" IS NOT NULL))[1] AS ignition
    FROM fresh GROUP BY "vehicleId"
  ), merged AS (
    -- A comparison with NULL is not true: what was not reported stays. Without a known time anything is newer.
    UPDATE "vehicle" AS v SET
      "last_instant" = n.at,
      "last_contact_at" = GREATEST(n.contact_at, v."last_contact_at"),
      "latitude" = CASE WHEN n.position_at >= COALESCE(v."position_at", '-infinity') THEN n.latitude ELSE v."latitude" END,
      "longitude" = CASE WHEN n.position_at >= COALESCE(v."position_at", '-infinity') THEN n.longitude ELSE v."longitude" END,
      "position_at" = GREATEST(n.position_at, v."position_at"),
      "speed_kmh" = CASE WHEN n.speed_at >= COALESCE(v."speed_at", '-infinity') THEN n.speed ELSE v."speed_kmh" END,
      "speed_at" = GREATEST(n.speed_at, v."speed_at"),
      "mileage_km" = CASE WHEN n.mileage_at >= COALESCE(v."mileage_at", '-infinity') THEN n.mileage ELSE v."mileage_km" END,
      "mileage_at" = GREATEST(n.mileage_at, v."mileage_at"),
      "energy_percent" = CASE WHEN n.energy_at >= COALESCE(v."energy_at", '-infinity') THEN n.energy ELSE v."energy_percent" END,
      "energy_at" = GREATEST(n.energy_at, v."energy_at"),
      "central_lock" = CASE WHEN n.lock_at >= COALESCE(v."central_lock_at", '-infinity') THEN n.lock ELSE v."central_lock" END,
      "central_lock_at" = GREATEST(n.lock_at, v."central_lock_at"),
      "driving_enabled" = CASE WHEN n.driving_at >= COALESCE(v."driving_enabled_at", '-infinity') THEN n.driving ELSE v."driving_enabled" END,
      "driving_enabled_at" = GREATEST(n.driving_at, v."driving_enabled_at"),
      "ignition" = CASE WHEN n.ignition_at >= COALESCE(v."ignition_at", '-infinity') THEN n.ignition ELSE v."ignition" END,
      "ignition_at" = GREATEST(n.ignition_at, v."ignition_at")
    FROM newest AS n WHERE v."id" = n.id
  )
  SELECT count(*), jsonb_agg(jsonb_build_object(
      'position', l."position", 'tag', l."tag", 'vehicle_id', l."vehicle_id", 'owner_id', l."owner_id", 'partner_id', l."partner_id",
      'occurred_at', extract(epoch FROM l."occurred_at") * 1000,
      'recorded_at', extract(epoch FROM l."recorded_at") * 1000, 'facts', l."facts"
    ) ORDER BY l."position") FILTER (WHERE "told")
    INTO "record_vehicle_states"."recorded", "record_vehicle_states"."events" FROM logged AS l;
END $$;

CREATE OR REPLACE FUNCTION "record_vehicle_states"(
  IN "reports" JSONB, IN "request_id" TEXT, IN "attended" TEXT[],
  OUT "recorded" INT, OUT "unknown" INT[], OUT "attention" TEXT[]
)
LANGUAGE sql SET search_path FROM CURRENT AS $$
  SELECT r."recorded", r."unknown", r."attention"
  FROM "record_vehicle_states"("reports", "request_id", "attended", FALSE) AS r
$$;
