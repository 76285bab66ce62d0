CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Ids and names sort by byte: the same on every machine, and no index breaks when a system's collations change.
CREATE TABLE "fleet" (
  "id" TEXT COLLATE "C" PRIMARY KEY,
  "name" TEXT COLLATE "C" NOT NULL CHECK ("name" <> ''),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX "fleet_name_key" ON "fleet" ("name");

CREATE TABLE "partnership" (
  "fleet_id" TEXT COLLATE "C" NOT NULL REFERENCES "fleet" ("id"),
  "partner_id" TEXT COLLATE "C" NOT NULL REFERENCES "fleet" ("id"),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY ("fleet_id", "partner_id"),
  CONSTRAINT "partnership_of_two" CHECK ("fleet_id" <> "partner_id")
);
CREATE INDEX "partnership_partner_id_idx" ON "partnership" ("partner_id");

CREATE TABLE "vehicle" (
  "id" TEXT COLLATE "C" PRIMARY KEY,
  "owner_id" TEXT COLLATE "C" NOT NULL REFERENCES "fleet" ("id"),
  "name" TEXT,
  "license_plate" TEXT,
  "vin" TEXT,
  "brand" TEXT,
  "model" TEXT,
  "supported_commands" TEXT[] NOT NULL,
  "last_instant" TIMESTAMPTZ(3) NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "deleted_at" TIMESTAMPTZ(3)
);
CREATE INDEX "vehicle_owner_id_id_idx" ON "vehicle" ("owner_id", "id");

CREATE TABLE "sharing" (
  "id" TEXT COLLATE "C" PRIMARY KEY,
  "vehicle_id" TEXT COLLATE "C" NOT NULL REFERENCES "vehicle" ("id"),
  "owner_id" TEXT COLLATE "C" NOT NULL REFERENCES "fleet" ("id"),
  "partner_id" TEXT COLLATE "C" NOT NULL REFERENCES "fleet" ("id"),
  "starts_at" TIMESTAMPTZ(3) NOT NULL,
  "ends_at" TIMESTAMPTZ(3),
  "ended_at" TIMESTAMPTZ(3),
  "end_reason" TEXT CHECK ("end_reason" IN
    ('ENDED_BY_OWNER', 'ENDED_BY_PARTNER', 'EXPIRED', 'CANCELLED_BY_OWNER', 'CANCELLED_BY_PARTNER')),
  "cancelled_at" TIMESTAMPTZ(3),
  "allowed_commands" TEXT[] NOT NULL DEFAULT '{}',
  "start_recorded" BOOLEAN NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "sharing_between_two" CHECK ("owner_id" <> "partner_id"),
  CONSTRAINT "sharing_due_end_after_start" CHECK ("ends_at" > "starts_at"),
  CONSTRAINT "sharing_end_after_start" CHECK ("ended_at" > "starts_at"),
  CONSTRAINT "sharing_end_not_after_due" CHECK ("ended_at" <= "ends_at"),
  CONSTRAINT "sharing_cancelled_before_start" CHECK
    ("cancelled_at" IS NULL OR ("cancelled_at" < "starts_at" AND "ended_at" IS NULL AND NOT "start_recorded")),
  CONSTRAINT "sharing_over_for_a_reason" CHECK (("end_reason" IS NULL) = ("ended_at" IS NULL AND "cancelled_at" IS NULL)),
  -- One controller at any instant, whatever the application believes. LEAST ignores NULL, and NULL is an open end.
  CONSTRAINT "sharing_one_at_a_time" EXCLUDE USING gist
    ("vehicle_id" WITH =, tstzrange("starts_at", LEAST("ends_at", "ended_at")) WITH &&) WHERE ("cancelled_at" IS NULL)
);
CREATE INDEX "sharing_vehicle_id_starts_at_id_idx" ON "sharing" ("vehicle_id", "starts_at" DESC, "id" DESC);
CREATE INDEX "sharing_owner_id_starts_at_id_idx" ON "sharing" ("owner_id", "starts_at" DESC, "id" DESC);
CREATE INDEX "sharing_partner_id_starts_at_id_idx" ON "sharing" ("partner_id", "starts_at" DESC, "id" DESC);
-- What is still to be recorded by time, soonest first.
CREATE INDEX "sharing_due_start_idx" ON "sharing" ("starts_at") WHERE NOT "start_recorded" AND "cancelled_at" IS NULL;
CREATE INDEX "sharing_due_end_idx" ON "sharing" ("ends_at") WHERE "ended_at" IS NULL AND "cancelled_at" IS NULL AND "ends_at" IS NOT NULL;

CREATE TABLE "event" (
  "position" BIGSERIAL PRIMARY KEY,
  "type" TEXT NOT NULL,
  "vehicle_id" TEXT COLLATE "C" NOT NULL,
  "owner_id" TEXT COLLATE "C" NOT NULL,
  "partner_id" TEXT COLLATE "C",
  "occurred_at" TIMESTAMPTZ(3) NOT NULL,
  "recorded_at" TIMESTAMPTZ(3) NOT NULL,
  "request_id" TEXT,
  "sharing_id" TEXT COLLATE "C",
  "facts" JSONB
);
CREATE INDEX "event_owner_id_position_idx" ON "event" ("owner_id", "position");
CREATE INDEX "event_partner_id_position_idx" ON "event" ("partner_id", "position") WHERE "partner_id" IS NOT NULL;

-- Positions are drawn before commit, so a later one can become visible first. Every writer therefore holds, until it has
-- committed, a shared lock that names the last position drawn before its own; what lies up to the lowest of these is
-- settled. The key's upper 16 bits mark these locks, the lower 48 are that position. See src/data/log.ts.
SELECT setval('event_position_seq', 1, true);

CREATE FUNCTION "hold_log_horizon"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared((x'4653'::bigint << 48) | last_value) FROM "event_position_seq";
  RETURN NULL;
END $$;

-- For each statement: that trigger runs before the statement draws its first position.
CREATE TRIGGER "event_hold_log_horizon" BEFORE INSERT ON "event"
  FOR EACH STATEMENT EXECUTE FUNCTION "hold_log_horizon"();

-- The position up to which the log is settled: whatever lies there is committed and visible to the next statement, or
-- was rolled back. The order of the two reads matters: who draws after the first of them is beyond the horizon anyway.
CREATE FUNCTION "log_horizon"(OUT "settled" BIGINT, OUT "drawn" BIGINT) LANGUAGE plpgsql AS $$
DECLARE "held" BIGINT;
BEGIN
  SELECT last_value INTO "drawn" FROM "event_position_seq";
  SELECT min(((classid::bigint << 32) | objid::bigint) & x'ffffffffffff'::bigint) INTO "held" FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = x'4653'::bigint
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
  "settled" := LEAST("drawn", "held");
END $$;

CREATE TABLE "idempotency_key" (
  "fleet_id" TEXT COLLATE "C" NOT NULL,
  "mutation" TEXT NOT NULL,
  "key" TEXT NOT NULL,
  "input_hash" TEXT NOT NULL,
  "result_id" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY ("fleet_id", "mutation", "key")
);
CREATE INDEX "idempotency_key_created_at_idx" ON "idempotency_key" ("created_at");

CREATE TABLE "secret" (
  "name" TEXT PRIMARY KEY,
  "value" BYTEA NOT NULL
);
