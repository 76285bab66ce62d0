-- What borrowed vehicles are found and ordered by: a row for each open sharing, by its partner, with what "vehicle_search" has of the
-- vehicle. A partner's list would otherwise read and sort all that it borrows. Its texts are in an index, which is read on its own; a text
-- that is too long for an index is NULL here, and read from "vehicle_search". An index of their parts would be the most that the start of a
-- sharing writes.

-- The role may have limits that are made for requests.
SET LOCAL statement_timeout = 0;

LOCK TABLE "vehicle", "sharing" IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE "borrowed_search" (
  "partner_id" TEXT COLLATE "C" NOT NULL,
  "vehicle_id" TEXT COLLATE "C" NOT NULL,
  "sharing_id" TEXT COLLATE "C" NOT NULL,
  "text" TEXT COLLATE "C",
  "by_plate" TEXT COLLATE "C" NOT NULL,
  "by_name" TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY ("partner_id", "vehicle_id", "sharing_id") INCLUDE ("text")
);

INSERT INTO "borrowed_search" ("partner_id", "vehicle_id", "sharing_id", "text", "by_plate", "by_name")
  -- An entry of an index may have 2,704 bytes.
  SELECT s."partner_id", s."vehicle_id", s."id", CASE WHEN octet_length(f."text") <= 2000 THEN f."text" END,
    f."by_plate", f."by_name"
  FROM "sharing" AS s JOIN "vehicle_search" AS f ON f."vehicle_id" = s."vehicle_id"
  WHERE s."cancelled_at" IS NULL AND s."ended_at" IS NULL;

-- The fleet and the key are one value: no plan reads the order of another index, and sorts.
DROP INDEX "vehicle_search_plate_idx";
DROP INDEX "vehicle_search_name_idx";
CREATE INDEX "vehicle_search_plate_idx" ON "vehicle_search" (("owner_id" || ' ' || "by_plate"), "vehicle_id");
CREATE INDEX "vehicle_search_name_idx" ON "vehicle_search" (("owner_id" || ' ' || "by_name"), "vehicle_id");
CREATE INDEX "borrowed_search_plate_idx" ON "borrowed_search" (("partner_id" || ' ' || "by_plate"), "vehicle_id");
CREATE INDEX "borrowed_search_name_idx" ON "borrowed_search" (("partner_id" || ' ' || "by_name"), "vehicle_id");

CREATE FUNCTION "index_sharing"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM "borrowed_search"
      WHERE "partner_id" = OLD."partner_id" AND "vehicle_id" = OLD."vehicle_id" AND "sharing_id" = OLD."id";
  END IF;
  IF TG_OP <> 'DELETE' AND NEW."cancelled_at" IS NULL AND NEW."ended_at" IS NULL THEN
    INSERT INTO "borrowed_search" ("partner_id", "vehicle_id", "sharing_id", "text", "by_plate", "by_name")
      SELECT NEW."partner_id", NEW."vehicle_id", NEW."id",
        CASE WHEN octet_length(f."text") <= 2000 THEN f."text" END, f."by_plate", f."by_name"
      FROM "vehicle_search" AS f WHERE f."vehicle_id" = NEW."vehicle_id"
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER "sharing_insert_search" AFTER INSERT ON "sharing"
  FOR EACH ROW WHEN (NEW."cancelled_at" IS NULL AND NEW."ended_at" IS NULL) EXECUTE FUNCTION "index_sharing"();
CREATE TRIGGER "sharing_update_search" AFTER UPDATE OF "cancelled_at", "ended_at" ON "sharing"
  FOR EACH ROW WHEN ((OLD."cancelled_at" IS NULL AND OLD."ended_at" IS NULL) <> (NEW."cancelled_at" IS NULL AND NEW."ended_at" IS NULL))
  EXECUTE FUNCTION "index_sharing"();
CREATE TRIGGER "sharing_delete_search" AFTER DELETE ON "sharing"
  FOR EACH ROW WHEN (OLD."cancelled_at" IS NULL AND OLD."ended_at" IS NULL) EXECUTE FUNCTION "index_sharing"();

CREATE OR REPLACE FUNCTION "index_vehicle"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW."deleted_at" IS NOT NULL THEN
    DELETE FROM "vehicle_search" WHERE "vehicle_id" = NEW."id";
    DELETE FROM "borrowed_search" AS b USING "sharing" AS s
      WHERE s."vehicle_id" = NEW."id" AND s."cancelled_at" IS NULL AND s."ended_at" IS NULL
        AND b."partner_id" = s."partner_id" AND b."vehicle_id" = s."vehicle_id" AND b."sharing_id" = s."id";
    RETURN NULL;
  END IF;
  INSERT INTO "vehicle_search" ("vehicle_id", "owner_id", "text", "by_plate", "by_name")
    SELECT NEW."id", NEW."owner_id", "text", "by_plate", "by_name"
    FROM "searched_as"(NEW."id", NEW."name", NEW."license_plate", NEW."vin", NEW."brand", NEW."model")
    ON CONFLICT ("vehicle_id") DO UPDATE
      SET "owner_id" = EXCLUDED."owner_id", "text" = EXCLUDED."text", "by_plate" = EXCLUDED."by_plate", "by_name" = EXCLUDED."by_name";
  IF TG_OP = 'UPDATE' THEN
    UPDATE "borrowed_search" AS b SET
        "text" = CASE WHEN octet_length(f."text") <= 2000 THEN f."text" END, "by_plate" = f."by_plate", "by_name" = f."by_name"
      FROM "vehicle_search" AS f JOIN "sharing" AS s ON s."vehicle_id" = f."vehicle_id"
      WHERE f."vehicle_id" = NEW."id" AND s."cancelled_at" IS NULL AND s."ended_at" IS NULL
        AND b."partner_id" = s."partner_id" AND b."vehicle_id" = s."vehicle_id" AND b."sharing_id" = s."id";
  END IF;
  RETURN NULL;
END $$;

-- Where a backup restores this table behind the sharings, their trigger has added what it brings.
CREATE FUNCTION "keep_borrowed_search"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (
    SELECT FROM "borrowed_search"
    WHERE "partner_id" = NEW."partner_id" AND "vehicle_id" = NEW."vehicle_id" AND "sharing_id" = NEW."sharing_id"
  ) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER "borrowed_search_keep" BEFORE INSERT ON "borrowed_search"
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "keep_borrowed_search"();
