-- An id names one object, whatever its type: clients keep what they have read by id alone. Every table of objects adds its ids
-- to one table, whose key lets no id in twice. Nobody adds one between the look and the triggers.
LOCK TABLE "fleet", "vehicle", "sharing", "command" IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE "node" (
  "id" TEXT COLLATE "C" PRIMARY KEY,
  "type" TEXT NOT NULL
);

-- An id that two objects have stays with the fleet, which tokens name, then with the vehicle. The other object gets a new one, and
-- everything that refers to it follows: nothing is lost, and its history stays one.
DO $$
DECLARE
  "same" RECORD;
  "fresh" TEXT;
BEGIN
  FOR "same" IN SELECT v."id" FROM "vehicle" AS v JOIN "fleet" AS f ON f."id" = v."id" ORDER BY v."id" LOOP
    LOOP
      "fresh" := upper(translate(substr(gen_random_uuid()::text, 1, 6), '-', ''));
      EXIT WHEN NOT EXISTS (SELECT FROM "vehicle" WHERE "id" = "fresh") AND NOT EXISTS (SELECT FROM "fleet" WHERE "id" = "fresh");
    END LOOP;
    INSERT INTO "vehicle" SELECT (jsonb_populate_record(v, jsonb_build_object('id', "fresh"))).*
      FROM "vehicle" AS v WHERE v."id" = "same"."id";
    UPDATE "sharing" SET "vehicle_id" = "fresh" WHERE "vehicle_id" = "same"."id";
    UPDATE "command" SET "vehicle_id" = "fresh" WHERE "vehicle_id" = "same"."id";
    UPDATE "event" SET "vehicle_id" = "fresh" WHERE "vehicle_id" = "same"."id";
    UPDATE "audit" SET "vehicle_id" = "fresh" WHERE "vehicle_id" = "same"."id";
    DELETE FROM "vehicle" WHERE "id" = "same"."id";
    RAISE WARNING 'vehicle % has the id % now: a fleet has the same id. Tell its gateway, and whoever has noted the id.',
      "same"."id", "fresh";
  END LOOP;
  FOR "same" IN SELECT s."id" FROM "sharing" AS s
    WHERE EXISTS (SELECT FROM "fleet" AS f WHERE f."id" = s."id") OR EXISTS (SELECT FROM "vehicle" AS v WHERE v."id" = s."id")
  LOOP
    "fresh" := gen_random_uuid()::text;
    UPDATE "sharing" SET "id" = "fresh" WHERE "id" = "same"."id";
    UPDATE "command" SET "sharing_id" = "fresh" WHERE "sharing_id" = "same"."id";
    UPDATE "event" SET "sharing_id" = "fresh" WHERE "sharing_id" = "same"."id";
    UPDATE "audit" SET "sharing_id" = "fresh" WHERE "sharing_id" = "same"."id";
    UPDATE "idempotency_key" SET "result_id" = "fresh" WHERE "mutation" = 'startSharing' AND "result_id" = "same"."id";
    RAISE WARNING 'sharing % has the id % now: another object has the same id.', "same"."id", "fresh";
  END LOOP;
  FOR "same" IN SELECT c."id" FROM "command" AS c
    WHERE EXISTS (SELECT FROM "fleet" AS f WHERE f."id" = c."id") OR EXISTS (SELECT FROM "vehicle" AS v WHERE v."id" = c."id")
      OR EXISTS (SELECT FROM "sharing" AS s WHERE s."id" = c."id")
  LOOP
    "fresh" := gen_random_uuid()::text;
    UPDATE "command" SET "id" = "fresh" WHERE "id" = "same"."id";
    UPDATE "event" SET "command_id" = "fresh" WHERE "command_id" = "same"."id";
    UPDATE "idempotency_key" SET "result_id" = "fresh" WHERE "mutation" = 'sendCommand' AND "result_id" = "same"."id";
    RAISE WARNING 'command % has the id % now: another object has the same id.', "same"."id", "fresh";
  END LOOP;
END $$;

INSERT INTO "node" ("id", "type")
  SELECT "id", 'FLEET' FROM "fleet" UNION ALL SELECT "id", 'VEHICLE' FROM "vehicle"
  UNION ALL SELECT "id", 'SHARING' FROM "sharing" UNION ALL SELECT "id", 'COMMAND' FROM "command";

-- Behind the insert, so that ON CONFLICT of the table itself comes first. The same id with the same type is there already where a
-- backup restored this table ahead of the others.
CREATE FUNCTION "add_node"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO "node" ("id", "type") VALUES (NEW."id", TG_ARGV[0]) ON CONFLICT ("id") DO NOTHING;
  IF NOT FOUND AND NOT EXISTS (SELECT FROM "node" WHERE "id" = NEW."id" AND "type" = TG_ARGV[0]) THEN
    RAISE EXCEPTION 'another object has the id %', NEW."id" USING ERRCODE = 'unique_violation', CONSTRAINT = 'node_pkey';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION "remove_node"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  DELETE FROM "node" WHERE "id" = OLD."id";
  RETURN NULL;
END $$;

-- Where a backup restores this table behind the others, their triggers have added what it brings.
CREATE FUNCTION "keep_node"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM "node" WHERE "id" = NEW."id" AND "type" = NEW."type") THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER "node_keep" BEFORE INSERT ON "node" FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "keep_node"();
CREATE TRIGGER "fleet_add_node" AFTER INSERT ON "fleet" FOR EACH ROW EXECUTE FUNCTION "add_node"('FLEET');
CREATE TRIGGER "vehicle_add_node" AFTER INSERT ON "vehicle" FOR EACH ROW EXECUTE FUNCTION "add_node"('VEHICLE');
CREATE TRIGGER "sharing_add_node" AFTER INSERT ON "sharing" FOR EACH ROW EXECUTE FUNCTION "add_node"('SHARING');
CREATE TRIGGER "command_add_node" AFTER INSERT ON "command" FOR EACH ROW EXECUTE FUNCTION "add_node"('COMMAND');
CREATE TRIGGER "fleet_remove_node" AFTER DELETE ON "fleet" FOR EACH ROW EXECUTE FUNCTION "remove_node"();
CREATE TRIGGER "vehicle_remove_node" AFTER DELETE ON "vehicle" FOR EACH ROW EXECUTE FUNCTION "remove_node"();
CREATE TRIGGER "sharing_remove_node" AFTER DELETE ON "sharing" FOR EACH ROW EXECUTE FUNCTION "remove_node"();
CREATE TRIGGER "command_remove_node" AFTER DELETE ON "command" FOR EACH ROW EXECUTE FUNCTION "remove_node"();

-- Whether two fleets have ever shared with each other, in either direction.
CREATE INDEX "sharing_owner_id_partner_id_idx" ON "sharing" ("owner_id", "partner_id");
