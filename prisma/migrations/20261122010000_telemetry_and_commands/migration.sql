ALTER TABLE "vehicle"
  ADD COLUMN "latitude" DOUBLE PRECISION CHECK ("latitude" BETWEEN -90 AND 90),
  ADD COLUMN "longitude" DOUBLE PRECISION CHECK ("longitude" BETWEEN -180 AND 180),
  ADD COLUMN "position_at" TIMESTAMPTZ(3),
  ADD COLUMN "speed_kmh" DOUBLE PRECISION CHECK ("speed_kmh" >= 0),
  ADD COLUMN "speed_at" TIMESTAMPTZ(3),
  ADD COLUMN "mileage_km" DOUBLE PRECISION CHECK ("mileage_km" >= 0),
  ADD COLUMN "mileage_at" TIMESTAMPTZ(3),
  ADD COLUMN "energy_percent" DOUBLE PRECISION CHECK ("energy_percent" BETWEEN 0 AND 100),
  ADD COLUMN "energy_at" TIMESTAMPTZ(3),
  ADD COLUMN "central_lock" TEXT CHECK ("central_lock" IN ('LOCKED', 'UNLOCKED')),
  ADD COLUMN "central_lock_at" TIMESTAMPTZ(3),
  ADD COLUMN "driving_enabled" BOOLEAN,
  ADD COLUMN "driving_enabled_at" TIMESTAMPTZ(3),
  ADD COLUMN "ignition" BOOLEAN,
  ADD COLUMN "ignition_at" TIMESTAMPTZ(3);
-- Every report rewrites its vehicle's row, and changes no indexed column: with room on the page no index is touched.
ALTER TABLE "vehicle" SET (fillfactor = 50);

ALTER TABLE "sharing"
  ADD COLUMN "end_requested_at" TIMESTAMPTZ(3),
  ADD COLUMN "end_requested_by" TEXT COLLATE "C",
  ADD COLUMN "handover" JSONB,
  ADD COLUMN "returned" JSONB,
  ADD CONSTRAINT "sharing_end_requested_by_a_party" CHECK
    (("end_requested_at" IS NULL) = ("end_requested_by" IS NULL)
      AND ("end_requested_by" IS NULL OR "end_requested_by" IN ("owner_id", "partner_id")));

ALTER TABLE "event" ADD COLUMN "command_id" TEXT COLLATE "C";

CREATE TABLE "command" (
  "id" TEXT COLLATE "C" PRIMARY KEY,
  "type" TEXT NOT NULL,
  "status" TEXT NOT NULL CHECK ("status" IN
    ('PENDING', 'DISPATCHED', 'SUCCEEDED', 'FAILED', 'EXPIRED', 'CANCELLED_BY_HANDOVER', 'OUTCOME_UNKNOWN')),
  "vehicle_id" TEXT COLLATE "C" NOT NULL REFERENCES "vehicle" ("id"),
  "owner_id" TEXT COLLATE "C" NOT NULL,
  "fleet_id" TEXT COLLATE "C" NOT NULL REFERENCES "fleet" ("id"),
  "sharing_id" TEXT COLLATE "C",
  "requested_at" TIMESTAMPTZ(3) NOT NULL,
  "deadline" TIMESTAMPTZ(3) NOT NULL CHECK ("deadline" > "requested_at"),
  "dispatched_at" TIMESTAMPTZ(3),
  "completed_at" TIMESTAMPTZ(3),
  "message" TEXT,
  CONSTRAINT "command_dispatched" CHECK
    (("dispatched_at" IS NOT NULL) = ("status" IN ('DISPATCHED', 'SUCCEEDED', 'FAILED', 'OUTCOME_UNKNOWN'))),
  CONSTRAINT "command_completed" CHECK (("completed_at" IS NULL) = ("status" IN ('PENDING', 'DISPATCHED')))
);
CREATE INDEX "command_vehicle_id_idx" ON "command" ("vehicle_id");
CREATE INDEX "command_fleet_id_idx" ON "command" ("fleet_id");
-- What is open, by vehicle for who holds its lock, and by deadline for the announcer.
CREATE INDEX "command_open_idx" ON "command" ("vehicle_id", "deadline") WHERE "status" IN ('PENDING', 'DISPATCHED');
CREATE INDEX "command_due_idx" ON "command" ("deadline") WHERE "status" IN ('PENDING', 'DISPATCHED');

CREATE TABLE "message" (
  "vehicle_id" TEXT COLLATE "C" NOT NULL,
  "message_id" TEXT COLLATE "C" NOT NULL,
  "recorded_at" TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY ("vehicle_id", "message_id")
);

-- Records a batch of checked reports in one round trip, whatever its size: locks the vehicles, skips the messages that are
-- known, merges each reading by its own time and appends the events with the audience of their instant. It decides
-- nothing about control: where something fell due, or the end of a sharing waits for the vehicle to be idle (and the
-- caller does not attend to that: "attended"), it names the vehicles and writes nothing. See src/data/reports.ts; the
-- rules are those of src/domain/state.ts and src/domain/event.ts, and tests hold them together.
CREATE FUNCTION "record_vehicle_states"(
  IN "reports" JSONB, IN "request_id" TEXT, IN "attended" TEXT[],
  OUT "recorded" INT, OUT "unknown" INT[], OUT "attention" TEXT[]
) LANGUAGE plpgsql AS $$
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
          (NOT s."start_recorded" AND s."starts_at" <= i.at) OR s."ends_at" <= i.at
          OR (s."end_requested_at" IS NOT NULL AND v."id" <> ALL("attended")))
      ) OR EXISTS (
        SELECT FROM "command" AS c
        WHERE c."vehicle_id" = v."id" AND c."status" IN ('PENDING', 'DISPATCHED') AND c."deadline" <= i.at
      )));
  "unknown" := ARRAY(
    SELECT (r->>'index')::int FROM jsonb_array_elements("reports") AS r
    WHERE NOT EXISTS (SELECT FROM "vehicle" AS v WHERE v."id" = r->>'vehicleId' AND v."deleted_at" IS NULL));
  IF cardinality("attention") > 0 THEN RETURN; END IF;

  WITH report AS MATERIALIZED (
    SELECT DISTINCT ON (r."vehicleId", r."messageId")
      r.*, v."owner_id", i.at, LEAST(to_timestamp(r."occurredAt" / 1000.0)::timestamptz(3), i.at) AS occurred_at
    FROM jsonb_to_recordset("reports") AS r(
      "index" INT, "vehicleId" TEXT, "messageId" TEXT, "occurredAt" FLOAT8, "latitude" FLOAT8, "longitude" FLOAT8,
      "speedKmh" FLOAT8, "mileageKm" FLOAT8, "energyPercent" FLOAT8, "centralLock" TEXT, "drivingEnabled" BOOLEAN,
      "ignition" BOOLEAN)
    JOIN "vehicle" AS v ON v."id" = r."vehicleId" AND v."deleted_at" IS NULL
    CROSS JOIN LATERAL (SELECT GREATEST("now", v."last_instant") AS at) AS i
    ORDER BY r."vehicleId", r."messageId", r."index"
  ), known AS (
    INSERT INTO "message" ("vehicle_id", "message_id", "recorded_at")
    SELECT "vehicleId", "messageId", at FROM report
    ON CONFLICT DO NOTHING RETURNING "vehicle_id", "message_id"
  ), fresh AS MATERIALIZED (
    SELECT report.* FROM report JOIN known ON known."vehicle_id" = "vehicleId" AND known."message_id" = "messageId"
  ), newest AS (
    SELECT "vehicleId" AS id, max(at) AS at,
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
  INSERT INTO "event" ("type", "vehicle_id", "owner_id", "partner_id", "occurred_at", "recorded_at", "request_id", "facts")
  SELECT 'STATE_RECORDED', "vehicleId", "owner_id", last."partner_id", occurred_at, at, "record_vehicle_states"."request_id",
    jsonb_strip_nulls(jsonb_build_object(
      'position', CASE WHEN "latitude" IS NOT NULL THEN
        jsonb_build_object('latitude', "latitude", 'longitude', "longitude") END,
      'speedKmh', "speedKmh", 'mileageKm', "mileageKm", 'energyPercent', "energyPercent",
      'centralLock', "centralLock", 'drivingEnabled', "drivingEnabled", 'ignition', "ignition"))
  FROM fresh LEFT JOIN LATERAL (
    -- Sharings do not overlap: of those that started by then only the last can have been in force.
    SELECT CASE WHEN LEAST(s."ends_at", s."ended_at") <= fresh.occurred_at THEN NULL ELSE s."partner_id" END AS "partner_id"
    FROM "sharing" AS s
    WHERE s."vehicle_id" = fresh."vehicleId" AND s."cancelled_at" IS NULL AND s."starts_at" <= fresh.occurred_at
    ORDER BY s."starts_at" DESC LIMIT 1
  ) AS last ON TRUE
  ORDER BY "index";
  GET DIAGNOSTICS "recorded" = ROW_COUNT;
END $$;
