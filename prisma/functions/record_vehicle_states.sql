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
          OR ((s."end_requested_at" IS NOT NULL OR s."start_awaited_since" IS NOT NULL) AND v."id" NOT IN (SELECT unnest("attended")))
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
    -- A message is known as long as its event is in the log, in whichever partition. The lock on the vehicle keeps others from
    -- recording the same one meanwhile: this statement's snapshot is younger than the lock.
    WHERE NOT EXISTS (
      SELECT FROM "event" AS k WHERE k."vehicle_id" = r."vehicleId" AND k."message_id" = r."messageId" OFFSET 0)
    ORDER BY r."vehicleId", r."messageId", r."index"
  ), logged AS (
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
