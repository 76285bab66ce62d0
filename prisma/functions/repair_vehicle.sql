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
