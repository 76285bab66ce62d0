-- The database of version 0.1.0 after a few minutes of use, as pg_dump writes it (its \\restrict left out).
-- PostgreSQL database dump
-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
-- Name: btree_gist; Type: EXTENSION; Schema: -; Owner: -
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
-- Name: EXTENSION btree_gist; Type: COMMENT; Schema: -; Owner: -
COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';
-- Name: hold_log_horizon(); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.hold_log_horizon() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared((x'4653'::bigint << 48) | last_value) FROM "event_position_seq";
  RETURN NULL;
END $$;
-- Name: log_horizon(); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.log_horizon(OUT settled bigint, OUT drawn bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE "held" BIGINT;
BEGIN
  SELECT last_value INTO "drawn" FROM "event_position_seq";
  SELECT min(((classid::bigint << 32) | objid::bigint) & x'ffffffffffff'::bigint) INTO "held" FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = x'4653'::bigint
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
  "settled" := LEAST("drawn", "held");
END $$;
-- Name: prune_log(timestamp with time zone, integer); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.prune_log(before timestamp with time zone, most integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
  "count" INT;
  "up_to" BIGINT;
BEGIN
  IF NOT pg_try_advisory_xact_lock(x'46530002'::bigint) THEN RETURN 0; END IF;
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
-- Name: record_vehicle_states(jsonb, text, text[]); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.record_vehicle_states(reports jsonb, request_id text, attended text[], OUT recorded integer, OUT unknown integer[], OUT attention text[]) RETURNS record
    LANGUAGE sql
    AS $$
  SELECT r."recorded", r."unknown", r."attention"
  FROM "record_vehicle_states"("reports", "request_id", "attended", FALSE) AS r
$$;
-- Name: record_vehicle_states(jsonb, text, text[], boolean); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.record_vehicle_states(reports jsonb, request_id text, attended text[], told boolean, OUT recorded integer, OUT unknown integer[], OUT attention text[], OUT events jsonb) RETURNS record
    LANGUAGE plpgsql
    AS $$
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
      -- Sharings do not overlap: of those that started by then only the last can have been in force.
      SELECT CASE WHEN LEAST(s."ends_at", s."ended_at") <= report.occurred_at THEN NULL ELSE s."partner_id" END AS "partner_id"
      FROM "sharing" AS s
      WHERE s."vehicle_id" = report."vehicleId" AND s."cancelled_at" IS NULL AND s."starts_at" <= report.occurred_at
      ORDER BY s."starts_at" DESC LIMIT 1
    ) AS last ON TRUE
    ORDER BY "index"
    ON CONFLICT ("vehicle_id", "message_id") WHERE "message_id" IS NOT NULL DO NOTHING
    RETURNING *
  ), fresh AS MATERIALIZED (
    SELECT report.* FROM report JOIN logged ON logged."vehicle_id" = "vehicleId" AND logged."message_id" = "messageId"
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
  SELECT count(*), jsonb_agg(jsonb_build_object(
      'position', l."position", 'vehicle_id', l."vehicle_id", 'owner_id', l."owner_id", 'partner_id', l."partner_id",
      'occurred_at', extract(epoch FROM l."occurred_at") * 1000,
      'recorded_at', extract(epoch FROM l."recorded_at") * 1000, 'facts', l."facts"
    ) ORDER BY l."position") FILTER (WHERE "told")
    INTO "record_vehicle_states"."recorded", "record_vehicle_states"."events" FROM logged AS l;
END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
-- Name: _prisma_migrations; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public._prisma_migrations (
    id character varying(36) NOT NULL,
    checksum character varying(64) NOT NULL,
    finished_at timestamp with time zone,
    migration_name character varying(255) NOT NULL,
    logs text,
    rolled_back_at timestamp with time zone,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_steps_count integer DEFAULT 0 NOT NULL
);
-- Name: audit; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.audit (
    id bigint NOT NULL,
    reader_id text NOT NULL COLLATE pg_catalog."C",
    at timestamp(3) with time zone NOT NULL,
    action text NOT NULL,
    actor_id text NOT NULL COLLATE pg_catalog."C",
    subject text,
    vehicle_id text NOT NULL COLLATE pg_catalog."C",
    sharing_id text COLLATE pg_catalog."C",
    refusal text,
    request_id text NOT NULL
);
-- Name: audit_id_seq; Type: SEQUENCE; Schema: public; Owner: -
CREATE SEQUENCE public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
-- Name: audit_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
ALTER SEQUENCE public.audit_id_seq OWNED BY public.audit.id;
-- Name: command; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.command (
    id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL,
    status text NOT NULL,
    vehicle_id text NOT NULL COLLATE pg_catalog."C",
    owner_id text NOT NULL COLLATE pg_catalog."C",
    fleet_id text NOT NULL COLLATE pg_catalog."C",
    sharing_id text COLLATE pg_catalog."C",
    requested_at timestamp(3) with time zone NOT NULL,
    deadline timestamp(3) with time zone NOT NULL,
    dispatched_at timestamp(3) with time zone,
    completed_at timestamp(3) with time zone,
    message text,
    CONSTRAINT command_check CHECK ((deadline > requested_at)),
    CONSTRAINT command_completed CHECK (((completed_at IS NULL) = (status = ANY (ARRAY['PENDING'::text, 'DISPATCHED'::text])))),
    CONSTRAINT command_dispatched CHECK (((dispatched_at IS NOT NULL) = (status = ANY (ARRAY['DISPATCHED'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'OUTCOME_UNKNOWN'::text])))),
    CONSTRAINT command_status_check CHECK ((status = ANY (ARRAY['PENDING'::text, 'DISPATCHED'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'EXPIRED'::text, 'CANCELLED_BY_HANDOVER'::text, 'OUTCOME_UNKNOWN'::text])))
);
-- Name: event; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.event (
    "position" bigint NOT NULL,
    type text NOT NULL,
    vehicle_id text NOT NULL COLLATE pg_catalog."C",
    owner_id text NOT NULL COLLATE pg_catalog."C",
    partner_id text COLLATE pg_catalog."C",
    occurred_at timestamp(3) with time zone NOT NULL,
    recorded_at timestamp(3) with time zone NOT NULL,
    request_id text,
    sharing_id text COLLATE pg_catalog."C",
    facts jsonb,
    command_id text COLLATE pg_catalog."C",
    message_id text COLLATE pg_catalog."C"
);
-- Name: event_position_seq; Type: SEQUENCE; Schema: public; Owner: -
CREATE SEQUENCE public.event_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
-- Name: event_position_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
ALTER SEQUENCE public.event_position_seq OWNED BY public.event."position";
-- Name: fleet; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.fleet (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp(3) with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    CONSTRAINT fleet_name_check CHECK ((name <> ''::text))
);
-- Name: idempotency_key; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.idempotency_key (
    fleet_id text NOT NULL COLLATE pg_catalog."C",
    mutation text NOT NULL,
    key text NOT NULL,
    input_hash text NOT NULL,
    result_id text NOT NULL,
    created_at timestamp(3) with time zone NOT NULL
);
-- Name: partnership; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.partnership (
    fleet_id text NOT NULL COLLATE pg_catalog."C",
    partner_id text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp(3) with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    CONSTRAINT partnership_of_two CHECK ((fleet_id <> partner_id))
);
-- Name: pruned; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.pruned (
    fleet_id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL,
    "position" bigint NOT NULL
);
-- Name: revocation; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.revocation (
    id bigint NOT NULL,
    fleet_id text COLLATE pg_catalog."C",
    subject text COLLATE pg_catalog."C",
    until timestamp(3) with time zone NOT NULL
);
-- Name: revocation_id_seq; Type: SEQUENCE; Schema: public; Owner: -
CREATE SEQUENCE public.revocation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
-- Name: revocation_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
ALTER SEQUENCE public.revocation_id_seq OWNED BY public.revocation.id;
-- Name: secret; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.secret (
    name text NOT NULL,
    value bytea NOT NULL
);
-- Name: sharing; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.sharing (
    id text NOT NULL COLLATE pg_catalog."C",
    vehicle_id text NOT NULL COLLATE pg_catalog."C",
    owner_id text NOT NULL COLLATE pg_catalog."C",
    partner_id text NOT NULL COLLATE pg_catalog."C",
    starts_at timestamp(3) with time zone NOT NULL,
    ends_at timestamp(3) with time zone,
    ended_at timestamp(3) with time zone,
    end_reason text,
    cancelled_at timestamp(3) with time zone,
    allowed_commands text[] DEFAULT '{}'::text[] NOT NULL,
    start_recorded boolean NOT NULL,
    created_at timestamp(3) with time zone NOT NULL,
    end_requested_at timestamp(3) with time zone,
    end_requested_by text COLLATE pg_catalog."C",
    handover jsonb,
    returned jsonb,
    CONSTRAINT sharing_between_two CHECK ((owner_id <> partner_id)),
    CONSTRAINT sharing_cancelled_before_start CHECK (((cancelled_at IS NULL) OR ((cancelled_at < starts_at) AND (ended_at IS NULL) AND (NOT start_recorded)))),
    CONSTRAINT sharing_due_end_after_start CHECK ((ends_at > starts_at)),
    CONSTRAINT sharing_end_after_start CHECK ((ended_at > starts_at)),
    CONSTRAINT sharing_end_not_after_due CHECK ((ended_at <= ends_at)),
    CONSTRAINT sharing_end_reason_check CHECK ((end_reason = ANY (ARRAY['ENDED_BY_OWNER'::text, 'ENDED_BY_PARTNER'::text, 'EXPIRED'::text, 'CANCELLED_BY_OWNER'::text, 'CANCELLED_BY_PARTNER'::text]))),
    CONSTRAINT sharing_end_requested_by_a_party CHECK ((((end_requested_at IS NULL) = (end_requested_by IS NULL)) AND ((end_requested_by IS NULL) OR ((end_requested_by = owner_id) OR (end_requested_by = partner_id))))),
    CONSTRAINT sharing_over_for_a_reason CHECK (((end_reason IS NULL) = ((ended_at IS NULL) AND (cancelled_at IS NULL))))
);
-- Name: vehicle; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.vehicle (
    id text NOT NULL COLLATE pg_catalog."C",
    owner_id text NOT NULL COLLATE pg_catalog."C",
    name text,
    license_plate text,
    vin text,
    brand text,
    model text,
    supported_commands text[] NOT NULL,
    last_instant timestamp(3) with time zone NOT NULL,
    created_at timestamp(3) with time zone NOT NULL,
    deleted_at timestamp(3) with time zone,
    latitude double precision,
    longitude double precision,
    position_at timestamp(3) with time zone,
    speed_kmh double precision,
    speed_at timestamp(3) with time zone,
    mileage_km double precision,
    mileage_at timestamp(3) with time zone,
    energy_percent double precision,
    energy_at timestamp(3) with time zone,
    central_lock text,
    central_lock_at timestamp(3) with time zone,
    driving_enabled boolean,
    driving_enabled_at timestamp(3) with time zone,
    ignition boolean,
    ignition_at timestamp(3) with time zone,
    CONSTRAINT vehicle_central_lock_check CHECK ((central_lock = ANY (ARRAY['LOCKED'::text, 'UNLOCKED'::text]))),
    CONSTRAINT vehicle_energy_percent_check CHECK (((energy_percent >= (0)::double precision) AND (energy_percent <= (100)::double precision))),
    CONSTRAINT vehicle_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision))),
    CONSTRAINT vehicle_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision))),
    CONSTRAINT vehicle_mileage_km_check CHECK ((mileage_km >= (0)::double precision)),
    CONSTRAINT vehicle_speed_kmh_check CHECK ((speed_kmh >= (0)::double precision))
)
WITH (fillfactor='50');
-- Name: audit id; Type: DEFAULT; Schema: public; Owner: -
ALTER TABLE ONLY public.audit ALTER COLUMN id SET DEFAULT nextval('public.audit_id_seq'::regclass);
-- Name: event position; Type: DEFAULT; Schema: public; Owner: -
ALTER TABLE ONLY public.event ALTER COLUMN "position" SET DEFAULT nextval('public.event_position_seq'::regclass);
-- Name: revocation id; Type: DEFAULT; Schema: public; Owner: -
ALTER TABLE ONLY public.revocation ALTER COLUMN id SET DEFAULT nextval('public.revocation_id_seq'::regclass);
-- Data for Name: _prisma_migrations; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public._prisma_migrations VALUES
	('e72c89fa-5de8-4a22-9015-670637db46ce', 'd1a8ce017eb55097940c705cbf785f51fd2ec86478988d7904769967a2dbef71', '2026-11-29 03:06:18.284+00', '20261122000000_foundation', NULL, NULL, '2026-11-29 03:06:18.248+00', 1),
	('c2551a94-ba35-4545-8336-49015a20e80f', '473e3fac219b44adcb1a1fa37cf882105d79c1fd2e12c30c7c91aa76a98d544f', '2026-11-29 03:06:18.298+00', '20261122010000_telemetry_and_commands', NULL, NULL, '2026-11-29 03:06:18.286+00', 1),
	('b0270ee2-7b3c-4688-b82e-9e6be25b7e2b', 'e001a3e8343328eee24ff3d0ccac7048d33cb369e7b52789bf4b49f338eef7ca', '2026-11-29 03:06:18.307+00', '20261122020000_retention', NULL, NULL, '2026-11-29 03:06:18.3+00', 1),
	('33684aee-b049-4c1b-a022-cd788a441662', 'fe2c445843dcead2eb3286fde7bc4d4f7531c18c7e2318664a7e184f04582fe3', '2026-11-29 03:06:18.317+00', '20261122030000_revocation', NULL, NULL, '2026-11-29 03:06:18.308+00', 1),
	('e8c8f13e-32f7-4ed6-be09-15a3c228d87e', '3a5962fcb821076ee9b6fa732110bd5ec691dcf5f99f19cf53a9327cb958200f', '2026-11-29 03:06:18.327+00', '20261122040000_open_sharings', NULL, NULL, '2026-11-29 03:06:18.318+00', 1),
	('c26f46e1-5715-449f-b0ab-025b7536bd29', '9a0156e54c40f55c1b2162583480400380c79e173fda4f29e0f7d7c6550cf7c1', '2026-11-29 03:06:18.339+00', '20261122050000_audit', NULL, NULL, '2026-11-29 03:06:18.328+00', 1),
	('44d7bf6e-c310-46c5-bd56-4872b82facc5', 'ad5133fc489b4767113a6f8c39ff74f43e5a8007cb39ac7e2936f7ee7904bb64', '2026-11-29 03:06:18.349+00', '20261122060000_own_indexes', NULL, NULL, '2026-11-29 03:06:18.34+00', 1),
	('bae37bf3-e8d6-4c91-9051-77820a1e9e33', 'a732910a4b1bc291ad08be2d1f491878bba8730e6303db49e2d851d65ca58224', '2026-11-29 03:06:18.355+00', '20261122070000_tell_what_was_recorded', NULL, NULL, '2026-11-29 03:06:18.35+00', 1);
-- Data for Name: audit; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.audit VALUES
	(1, '78LMK', '2026-11-29 03:06:18.776+00', 'START_SHARING', '78LMK', NULL, 'C082P', 'bde6c647-5d76-49a9-9ed0-5b5b3c610ca9', NULL, '2ead6575-effe-4142-b927-3b8087a7bf8b'),
	(2, 'DE3P4', '2026-11-29 03:06:18.776+00', 'START_SHARING', '78LMK', NULL, 'C082P', 'bde6c647-5d76-49a9-9ed0-5b5b3c610ca9', NULL, '2ead6575-effe-4142-b927-3b8087a7bf8b'),
	(3, '78LMK', '2026-11-29 03:06:18.811+00', 'END_SHARING', 'DE3P4', NULL, 'C082P', 'bde6c647-5d76-49a9-9ed0-5b5b3c610ca9', NULL, 'ffae3b72-28c9-40d1-bdca-fd1fcf0b6ba9'),
	(4, 'DE3P4', '2026-11-29 03:06:18.811+00', 'END_SHARING', 'DE3P4', NULL, 'C082P', 'bde6c647-5d76-49a9-9ed0-5b5b3c610ca9', NULL, 'ffae3b72-28c9-40d1-bdca-fd1fcf0b6ba9'),
	(5, '78LMK', '2026-11-29 03:06:18.838+00', 'START_SHARING', '78LMK', NULL, 'C082P', '1975f8b9-e1ef-4708-ad63-cec1d2ab1b0f', NULL, 'a1cab82b-534f-49b3-8370-4feae521716d'),
	(6, 'DE3P4', '2026-11-29 03:06:18.838+00', 'START_SHARING', '78LMK', NULL, 'C082P', '1975f8b9-e1ef-4708-ad63-cec1d2ab1b0f', NULL, 'a1cab82b-534f-49b3-8370-4feae521716d'),
	(7, '78LMK', '2026-11-29 03:06:18.889+00', 'SEND_COMMAND', 'DE3P4', NULL, 'C082P', NULL, NULL, '99e8e6c5-d67d-4f57-987a-1380ca661b4f'),
	(8, 'DE3P4', '2026-11-29 03:06:18.889+00', 'SEND_COMMAND', 'DE3P4', NULL, 'C082P', NULL, NULL, '99e8e6c5-d67d-4f57-987a-1380ca661b4f');
-- Data for Name: command; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.command VALUES
	('6a9fecab-29c5-427e-ab0c-ff2c8a608f33', 'UNLOCK_CENTRAL_LOCK', 'SUCCEEDED', 'C082P', '78LMK', 'DE3P4', '1975f8b9-e1ef-4708-ad63-cec1d2ab1b0f', '2026-11-29 03:06:18.889+00', '2026-11-29 03:06:48.889+00', '2026-11-29 03:06:18.895+00', '2026-11-29 03:06:18.907+00', NULL);
-- Data for Name: event; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.event VALUES
	(2, 'VEHICLE_CHANGED', 'FK852', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(3, 'VEHICLE_CHANGED', 'ZC052', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(4, 'VEHICLE_CHANGED', 'EB830', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(5, 'VEHICLE_CHANGED', 'WF671', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(6, 'VEHICLE_CHANGED', 'BP575', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(7, 'VEHICLE_CHANGED', 'WF320', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(8, 'VEHICLE_CHANGED', 'HR642', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(9, 'VEHICLE_CHANGED', 'EK629', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(10, 'VEHICLE_CHANGED', 'TF288', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(11, 'VEHICLE_CHANGED', 'CZ905', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(12, 'VEHICLE_CHANGED', 'AN575', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(13, 'VEHICLE_CHANGED', 'XU444', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(14, 'VEHICLE_CHANGED', 'DB706', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(15, 'VEHICLE_CHANGED', 'JC020', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(16, 'VEHICLE_CHANGED', 'EW897', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(17, 'VEHICLE_CHANGED', 'BK392', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(18, 'VEHICLE_CHANGED', 'HJ835', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(19, 'VEHICLE_CHANGED', 'RU679', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(20, 'VEHICLE_CHANGED', 'NS571', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(21, 'VEHICLE_CHANGED', 'VC134', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(22, 'VEHICLE_CHANGED', 'VU835', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(23, 'VEHICLE_CHANGED', 'EE404', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(24, 'VEHICLE_CHANGED', 'KN365', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(25, 'VEHICLE_CHANGED', 'KL047', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(26, 'VEHICLE_CHANGED', 'NT379', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(27, 'VEHICLE_CHANGED', 'PD231', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(28, 'VEHICLE_CHANGED', 'BS028', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(29, 'VEHICLE_CHANGED', 'LX806', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(30, 'VEHICLE_CHANGED', 'WP696', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(31, 'VEHICLE_CHANGED', 'NR687', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(32, 'VEHICLE_CHANGED', 'RJ698', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(33, 'VEHICLE_CHANGED', 'DV435', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(34, 'VEHICLE_CHANGED', 'RD597', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(35, 'VEHICLE_CHANGED', 'KE684', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(36, 'VEHICLE_CHANGED', 'MF010', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(37, 'VEHICLE_CHANGED', 'JR741', '78LMK', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(38, 'VEHICLE_CHANGED', 'RW226', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(39, 'VEHICLE_CHANGED', 'UF282', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(40, 'VEHICLE_CHANGED', 'AS621', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(41, 'VEHICLE_CHANGED', 'WL177', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(42, 'VEHICLE_CHANGED', 'RF288', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(43, 'VEHICLE_CHANGED', 'FZ158', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(44, 'VEHICLE_CHANGED', 'PK728', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(45, 'VEHICLE_CHANGED', 'CU832', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(46, 'VEHICLE_CHANGED', 'KX812', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(47, 'VEHICLE_CHANGED', 'JV213', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(48, 'VEHICLE_CHANGED', 'RG707', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(49, 'VEHICLE_CHANGED', 'DS779', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(50, 'VEHICLE_CHANGED', 'ZS685', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(51, 'VEHICLE_CHANGED', 'NR121', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(52, 'VEHICLE_CHANGED', 'EG846', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(53, 'VEHICLE_CHANGED', 'DD100', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(54, 'VEHICLE_CHANGED', 'NA840', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(55, 'VEHICLE_CHANGED', 'XX024', 'DE3P4', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(56, 'VEHICLE_CHANGED', 'SL603', 'Q7X2B', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(57, 'VEHICLE_CHANGED', 'LH866', 'Q7X2B', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(58, 'VEHICLE_CHANGED', 'YH851', 'Q7X2B', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(59, 'VEHICLE_CHANGED', 'LX477', 'Q7X2B', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(60, 'VEHICLE_CHANGED', 'TW177', 'Q7X2B', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(61, 'VEHICLE_CHANGED', 'DD128', 'Q7X2B', NULL, '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL),
	(62, 'VEHICLE_CHANGED', 'C082P', '78LMK', NULL, '2026-11-29 03:06:18.736+00', '2026-11-29 03:06:18.736+00', '320e8725-6c4e-40e8-b5f2-ccd96cfc79f3', NULL, NULL, NULL, NULL),
	(63, 'SHARING_STARTED', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.776+00', '2026-11-29 03:06:18.776+00', '2ead6575-effe-4142-b927-3b8087a7bf8b', 'bde6c647-5d76-49a9-9ed0-5b5b3c610ca9', '{"endsAt": null, "endReason": null}', NULL, NULL),
	(64, 'SHARING_ENDED', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.811+00', '2026-11-29 03:06:18.811+00', 'ffae3b72-28c9-40d1-bdca-fd1fcf0b6ba9', 'bde6c647-5d76-49a9-9ed0-5b5b3c610ca9', '{"endsAt": null, "endReason": "ENDED_BY_PARTNER"}', NULL, NULL),
	(65, 'SHARING_STARTED', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.838+00', '2026-11-29 03:06:18.838+00', 'a1cab82b-534f-49b3-8370-4feae521716d', '1975f8b9-e1ef-4708-ad63-cec1d2ab1b0f', '{"endsAt": null, "endReason": null}', NULL, NULL),
	(66, 'COMMAND_UPDATED', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.889+00', '2026-11-29 03:06:18.889+00', '99e8e6c5-d67d-4f57-987a-1380ca661b4f', NULL, '{"status": "PENDING"}', '6a9fecab-29c5-427e-ab0c-ff2c8a608f33', NULL),
	(67, 'COMMAND_UPDATED', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.895+00', '2026-11-29 03:06:18.895+00', NULL, NULL, '{"status": "DISPATCHED"}', '6a9fecab-29c5-427e-ab0c-ff2c8a608f33', NULL),
	(68, 'COMMAND_UPDATED', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.907+00', '2026-11-29 03:06:18.907+00', '3b958fdb-8357-4a08-96d7-f00fe729210a', NULL, '{"status": "SUCCEEDED"}', '6a9fecab-29c5-427e-ab0c-ff2c8a608f33', NULL),
	(69, 'STATE_RECORDED', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.913+00', '2026-11-29 03:06:18.92+00', 'eb5c9a2a-f051-42d9-bf8d-f166f98cf260', NULL, '{"speedKmh": 5}', NULL, 'm1'),
	(70, 'VEHICLE_CHANGED', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.976+00', '2026-11-29 03:06:18.976+00', 'bc89eb86-56c0-4598-8df3-0300bc7c70dc', NULL, NULL, NULL, NULL);
-- Data for Name: fleet; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.fleet VALUES
	('78LMK', 'ShareOne', '2026-11-29 03:06:18.554+00'),
	('DE3P4', 'ShareTwo', '2026-11-29 03:06:18.554+00'),
	('Q7X2B', 'LoneWheels', '2026-11-29 03:06:18.554+00');
-- Data for Name: idempotency_key; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.idempotency_key VALUES
	('78LMK', 'startSharing', 'before the upgrade', 'ccb5c58049f8756e8c15537beffb8f97f695b17867de455880b87f0a40ec52b7', '1975f8b9-e1ef-4708-ad63-cec1d2ab1b0f', '2026-11-29 03:06:18.838+00');
-- Data for Name: partnership; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.partnership VALUES
	('78LMK', 'DE3P4', '2026-11-29 03:06:18.555+00'),
	('DE3P4', '78LMK', '2026-11-29 03:06:18.555+00');
-- Data for Name: pruned; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: revocation; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.revocation VALUES
	(1, 'Q7X2B', NULL, '2026-11-29 03:06:18.939+00');
-- Data for Name: secret; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.secret VALUES
	('cursor', '\x323b149f215bf3d9ffa95e68128955ca');
-- Data for Name: sharing; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.sharing VALUES
	('bde6c647-5d76-49a9-9ed0-5b5b3c610ca9', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.776+00', NULL, '2026-11-29 03:06:18.811+00', 'ENDED_BY_PARTNER', NULL, '{}', true, '2026-11-29 03:06:18.776+00', NULL, NULL, '{"ignition": null, "position": null, "speedKmh": null, "mileageKm": null, "centralLock": null, "energyPercent": null, "drivingEnabled": null}', '{"ignition": null, "position": null, "speedKmh": null, "mileageKm": null, "centralLock": null, "energyPercent": null, "drivingEnabled": null}'),
	('1975f8b9-e1ef-4708-ad63-cec1d2ab1b0f', 'C082P', '78LMK', 'DE3P4', '2026-11-29 03:06:18.838+00', NULL, NULL, NULL, NULL, '{}', true, '2026-11-29 03:06:18.838+00', NULL, NULL, '{"ignition": null, "position": null, "speedKmh": null, "mileageKm": null, "centralLock": null, "energyPercent": null, "drivingEnabled": null}', NULL);
-- Data for Name: vehicle; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.vehicle VALUES
	('FK852', '78LMK', 'Market 1', 'H TL 286', 'WFS22150592710000', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('ZC052', '78LMK', 'Mill 2', 'H EW 153', 'WFS13740140610001', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('EB830', '78LMK', 'Park 3', 'H HR 580', 'WFS92504990010002', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('WF671', '78LMK', 'Old Town 4', 'H NS 942', 'WFS87363911210003', 'Smart', 'fortwo', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('BP575', '78LMK', 'Arena 5', 'H GH 195', 'WFS62413767310004', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('WF320', '78LMK', 'Bridge 6', 'H GJ 489', 'WFS20333786810005', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('HR642', '78LMK', 'Park 7', 'H UA 728', 'WFS58995395310006', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('EK629', '78LMK', 'Market 8', 'H XE 168', 'WFS64172158810007', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('TF288', '78LMK', 'Arena 9', 'H RK 175', 'WFS67040110610008', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('CZ905', '78LMK', 'Market 10', 'H UR 972', 'WFS53785058110009', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('AN575', '78LMK', 'Harbour 11', 'H XK 776', 'WFS10938501310010', 'Hyundai', 'Kona', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('XU444', '78LMK', 'Old Town 12', 'H SM 417', 'WFS91032161110011', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('DB706', '78LMK', 'Bridge 13', 'H XF 668', 'WFS51266260810012', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('JC020', '78LMK', 'Campus 14', 'H FN 605', 'WFS72308909510013', 'Hyundai', 'Kona', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('EW897', '78LMK', 'Museum 15', 'H NV 673', 'WFS89403741810014', 'Volkswagen', 'ID.3', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('BK392', '78LMK', 'Mill 16', 'H WF 324', 'WFS31194643110015', 'Smart', 'fortwo', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('HJ835', '78LMK', 'Museum 17', 'H PW 114', 'WFS81882781210016', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('RU679', '78LMK', 'Museum 18', 'H NF 362', 'WFS74025091110017', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('NS571', '78LMK', 'Arena 19', 'H AH 950', 'WFS24506429510018', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('VC134', '78LMK', 'Mill 20', 'H KK 424', 'WFS81154345710019', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('VU835', '78LMK', 'Arena 21', 'H LX 673', 'WFS95843965310020', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('EE404', '78LMK', 'Museum 22', 'H VM 369', 'WFS46479934310021', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('KN365', '78LMK', 'Campus 23', 'H JF 908', 'WFS16597805110022', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('KL047', '78LMK', 'Market 24', 'H TS 629', 'WFS08472124310023', 'Smart', 'fortwo', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('NT379', '78LMK', 'Harbour 25', 'H KX 522', 'WFS85724774510024', 'Volkswagen', 'ID.3', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('PD231', '78LMK', 'Old Town 26', 'H LV 891', 'WFS97871401610025', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('BS028', '78LMK', 'Bridge 27', 'H RE 920', 'WFS42152408310026', 'Hyundai', 'Kona', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('LX806', '78LMK', 'Harbour 28', 'H RK 797', 'WFS81899374910027', 'Smart', 'fortwo', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('WP696', '78LMK', 'Bridge 29', 'H UW 790', 'WFS87283548510028', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('NR687', '78LMK', 'Old Town 30', 'H AY 156', 'WFS91238547110029', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('RJ698', '78LMK', 'Mill 31', 'H VJ 926', 'WFS48697693510030', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('DV435', '78LMK', 'Bridge 32', 'H UD 888', 'WFS02096162610031', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('RD597', '78LMK', 'Mill 33', 'H MJ 697', 'WFS40084383210032', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('KE684', '78LMK', 'Station 34', 'H JW 579', 'WFS69874252410033', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('MF010', '78LMK', 'Arena 35', 'H LC 648', 'WFS88875462310034', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('JR741', '78LMK', 'Arena 36', 'H ZB 359', 'WFS02506340110035', 'Smart', 'fortwo', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('RW226', 'DE3P4', 'Station 1', 'B HM 379', 'WFS33577914910000', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('UF282', 'DE3P4', 'Mill 2', 'B TC 326', 'WFS90129535410001', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('AS621', 'DE3P4', 'Arena 3', 'B ZB 974', 'WFS21957429410002', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('WL177', 'DE3P4', 'Campus 4', 'B KH 522', 'WFS23936549310003', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('RF288', 'DE3P4', 'Harbour 5', 'B BY 994', 'WFS67701327910004', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('FZ158', 'DE3P4', 'Market 6', 'B EN 915', 'WFS03595459310005', 'Hyundai', 'Kona', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('PK728', 'DE3P4', 'Museum 7', 'B FA 696', 'WFS65081443310006', 'Volkswagen', 'ID.3', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('CU832', 'DE3P4', 'Market 8', 'B KP 997', 'WFS40065671210007', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('KX812', 'DE3P4', 'Old Town 9', 'B ZX 901', 'WFS45789108610008', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('JV213', 'DE3P4', 'Campus 10', 'B ES 935', 'WFS61983228510009', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('RG707', 'DE3P4', 'Mill 11', 'B UP 828', 'WFS16094190910010', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('DS779', 'DE3P4', 'Arena 12', 'B YZ 279', 'WFS89173225610011', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('ZS685', 'DE3P4', 'Arena 13', 'B UY 708', 'WFS69878104710012', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('NR121', 'DE3P4', 'Market 14', 'B ZD 484', 'WFS22573205210013', 'NIU', 'NQi Sport', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('EG846', 'DE3P4', 'Harbour 15', 'B UA 785', 'WFS24197138310014', 'Hyundai', 'Kona', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('DD100', 'DE3P4', 'Bridge 16', 'B PJ 473', 'WFS53836365310015', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('NA840', 'DE3P4', 'Museum 17', 'B EG 238', 'WFS07054493910016', 'Govecs', 'Schwalbe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('XX024', 'DE3P4', 'Museum 18', 'B TN 507', 'WFS36420790110017', 'Volkswagen', 'ID.3', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('SL603', 'Q7X2B', 'Station 1', 'M NA 709', 'WFS06929581210000', 'Fiat', '500e', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('LH866', 'Q7X2B', 'Mill 2', 'M AJ 833', 'WFS82462353110001', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('YH851', 'Q7X2B', 'Bridge 3', 'M FZ 557', 'WFS90969796410002', 'Hyundai', 'Kona', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('LX477', 'Q7X2B', 'Mill 4', 'M XM 359', 'WFS38483764410003', 'Hyundai', 'Kona', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('TW177', 'Q7X2B', 'Station 5', 'M AC 527', 'WFS06459917510004', 'Volkswagen', 'ID.3', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('DD128', 'Q7X2B', 'Park 6', 'M JR 581', 'WFS32654689810005', 'Renault', 'Zoe', '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.557+00', '2026-11-29 03:06:18.557+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('C082P', '78LMK', 'Upgraded later', 'B-UP 1', 'WVWZZZ1JZ3W386752', NULL, NULL, '{REQUEST_VEHICLE_STATE,ENABLE_DRIVING,DISABLE_DRIVING,UNLOCK_CENTRAL_LOCK,LOCK_CENTRAL_LOCK,UNLOCK_AND_ENABLE_DRIVING,LOCK_AND_DISABLE_DRIVING,UNLOCK_TOP_CASE,LOCK_TOP_CASE,UNLOCK_BATTERY_COMPARTMENT,DRAW_ATTENTION}', '2026-11-29 03:06:18.976+00', '2026-11-29 03:06:18.736+00', NULL, NULL, NULL, NULL, 5, '2026-11-29 03:06:18.913+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
-- Name: audit_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.audit_id_seq', 8, true);
-- Name: event_position_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.event_position_seq', 70, true);
-- Name: revocation_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.revocation_id_seq', 1, true);
-- Name: _prisma_migrations _prisma_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public._prisma_migrations
    ADD CONSTRAINT _prisma_migrations_pkey PRIMARY KEY (id);
-- Name: audit audit_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
-- Name: command command_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.command
    ADD CONSTRAINT command_pkey PRIMARY KEY (id);
-- Name: event event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY ("position");
-- Name: fleet fleet_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.fleet
    ADD CONSTRAINT fleet_pkey PRIMARY KEY (id);
-- Name: idempotency_key idempotency_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (fleet_id, mutation, key);
-- Name: partnership partnership_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.partnership
    ADD CONSTRAINT partnership_pkey PRIMARY KEY (fleet_id, partner_id);
-- Name: pruned pruned_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.pruned
    ADD CONSTRAINT pruned_pkey PRIMARY KEY (fleet_id, type);
-- Name: revocation revocation_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.revocation
    ADD CONSTRAINT revocation_pkey PRIMARY KEY (id);
-- Name: secret secret_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.secret
    ADD CONSTRAINT secret_pkey PRIMARY KEY (name);
-- Name: sharing sharing_one_at_a_time; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.sharing
    ADD CONSTRAINT sharing_one_at_a_time EXCLUDE USING gist (vehicle_id COLLATE "POSIX" WITH =, tstzrange(starts_at, LEAST(ends_at, ended_at)) WITH &&) WHERE ((cancelled_at IS NULL));
-- Name: sharing sharing_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.sharing
    ADD CONSTRAINT sharing_pkey PRIMARY KEY (id);
-- Name: vehicle vehicle_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.vehicle
    ADD CONSTRAINT vehicle_pkey PRIMARY KEY (id);
-- Name: audit_reader_id_id_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX audit_reader_id_id_idx ON public.audit USING btree (reader_id, id);
-- Name: audit_reader_id_vehicle_id_id_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX audit_reader_id_vehicle_id_id_idx ON public.audit USING btree (reader_id, vehicle_id, id);
-- Name: command_due_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX command_due_idx ON public.command USING btree (deadline) WHERE (completed_at IS NULL);
-- Name: command_fleet_id_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX command_fleet_id_idx ON public.command USING btree (fleet_id);
-- Name: command_open_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX command_open_idx ON public.command USING btree (vehicle_id, deadline) WHERE (status = ANY (ARRAY['PENDING'::text, 'DISPATCHED'::text]));
-- Name: command_vehicle_id_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX command_vehicle_id_idx ON public.command USING btree (vehicle_id);
-- Name: event_owner_id_position_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_owner_id_position_idx ON public.event USING btree (owner_id, "position");
-- Name: event_partner_id_position_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_partner_id_position_idx ON public.event USING btree (partner_id, "position") WHERE (partner_id IS NOT NULL);
-- Name: event_rare_owner_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_rare_owner_idx ON public.event USING btree (owner_id, type, "position") WHERE (type <> 'STATE_RECORDED'::text);
-- Name: event_rare_partner_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_rare_partner_idx ON public.event USING btree (partner_id, type, "position") WHERE ((type <> 'STATE_RECORDED'::text) AND (partner_id IS NOT NULL));
-- Name: event_vehicle_id_message_id_key; Type: INDEX; Schema: public; Owner: -
CREATE UNIQUE INDEX event_vehicle_id_message_id_key ON public.event USING btree (vehicle_id, message_id) WHERE (message_id IS NOT NULL);
-- Name: event_vehicle_id_position_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_vehicle_id_position_idx ON public.event USING btree (vehicle_id, "position");
-- Name: fleet_name_key; Type: INDEX; Schema: public; Owner: -
CREATE UNIQUE INDEX fleet_name_key ON public.fleet USING btree (name);
-- Name: idempotency_key_created_at_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX idempotency_key_created_at_idx ON public.idempotency_key USING btree (created_at);
-- Name: partnership_partner_id_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX partnership_partner_id_idx ON public.partnership USING btree (partner_id);
-- Name: revocation_fleet_id_subject_key; Type: INDEX; Schema: public; Owner: -
CREATE UNIQUE INDEX revocation_fleet_id_subject_key ON public.revocation USING btree (fleet_id, subject) NULLS NOT DISTINCT;
-- Name: sharing_due_end_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX sharing_due_end_idx ON public.sharing USING btree (ends_at) WHERE ((ended_at IS NULL) AND (cancelled_at IS NULL) AND (ends_at IS NOT NULL));
-- Name: sharing_due_start_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX sharing_due_start_idx ON public.sharing USING btree (starts_at) WHERE ((NOT start_recorded) AND (cancelled_at IS NULL));
-- Name: sharing_ended_at_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX sharing_ended_at_idx ON public.sharing USING btree (ended_at) WHERE (ended_at IS NOT NULL);
-- Name: sharing_open_partner_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX sharing_open_partner_idx ON public.sharing USING btree (partner_id, vehicle_id) WHERE ((cancelled_at IS NULL) AND (ended_at IS NULL));
-- Name: sharing_open_vehicle_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX sharing_open_vehicle_idx ON public.sharing USING btree (vehicle_id) WHERE ((cancelled_at IS NULL) AND (ended_at IS NULL));
-- Name: sharing_owner_id_starts_at_id_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX sharing_owner_id_starts_at_id_idx ON public.sharing USING btree (owner_id, starts_at DESC, id DESC);
-- Name: sharing_partner_id_starts_at_id_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX sharing_partner_id_starts_at_id_idx ON public.sharing USING btree (partner_id, starts_at DESC, id DESC);
-- Name: sharing_vehicle_id_starts_at_id_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX sharing_vehicle_id_starts_at_id_idx ON public.sharing USING btree (vehicle_id, starts_at DESC, id DESC);
-- Name: vehicle_owner_id_id_idx; Type: INDEX; Schema: public; Owner: -
CREATE INDEX vehicle_owner_id_id_idx ON public.vehicle USING btree (owner_id, id);
-- Name: event event_hold_log_horizon; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER event_hold_log_horizon BEFORE INSERT ON public.event FOR EACH STATEMENT EXECUTE FUNCTION public.hold_log_horizon();
-- Name: command command_fleet_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.command
    ADD CONSTRAINT command_fleet_id_fkey FOREIGN KEY (fleet_id) REFERENCES public.fleet(id);
-- Name: command command_vehicle_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.command
    ADD CONSTRAINT command_vehicle_id_fkey FOREIGN KEY (vehicle_id) REFERENCES public.vehicle(id);
-- Name: partnership partnership_fleet_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.partnership
    ADD CONSTRAINT partnership_fleet_id_fkey FOREIGN KEY (fleet_id) REFERENCES public.fleet(id);
-- Name: partnership partnership_partner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.partnership
    ADD CONSTRAINT partnership_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES public.fleet(id);
-- Name: revocation revocation_fleet_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.revocation
    ADD CONSTRAINT revocation_fleet_id_fkey FOREIGN KEY (fleet_id) REFERENCES public.fleet(id);
-- Name: sharing sharing_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.sharing
    ADD CONSTRAINT sharing_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.fleet(id);
-- Name: sharing sharing_partner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.sharing
    ADD CONSTRAINT sharing_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES public.fleet(id);
-- Name: sharing sharing_vehicle_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.sharing
    ADD CONSTRAINT sharing_vehicle_id_fkey FOREIGN KEY (vehicle_id) REFERENCES public.vehicle(id);
-- Name: vehicle vehicle_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.vehicle
    ADD CONSTRAINT vehicle_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.fleet(id);
-- PostgreSQL database dump complete
