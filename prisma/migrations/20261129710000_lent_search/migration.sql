-- The same rows for the owners, too: what a fleet has lent is found and ordered without a look at all that it has.

-- The role may have limits that are made for requests.
SET LOCAL statement_timeout = 0;

LOCK TABLE "vehicle", "sharing" IN SHARE ROW EXCLUSIVE MODE;

DROP TABLE "borrowed_search";
DROP FUNCTION "keep_borrowed_search";

CREATE TABLE "lent_search" (
  "owner_id" TEXT COLLATE "C" NOT NULL,
  "partner_id" TEXT COLLATE "C" NOT NULL,
  "vehicle_id" TEXT COLLATE "C" NOT NULL,
  "sharing_id" TEXT COLLATE "C" NOT NULL,
  "text" TEXT COLLATE "C",
  "by_plate" TEXT COLLATE "C" NOT NULL,
  "by_name" TEXT COLLATE "C" NOT NULL
);

INSERT INTO "lent_search" ("owner_id", "partner_id", "vehicle_id", "sharing_id", "text", "by_plate", "by_name")
  -- An entry of an index may have 2,704 bytes.
  SELECT s."owner_id", s."partner_id", s."vehicle_id", s."id", CASE WHEN octet_length(f."text") <= 2000 THEN f."text" END,
    f."by_plate", f."by_name"
  FROM "sharing" AS s JOIN "vehicle_search" AS f ON f."vehicle_id" = s."vehicle_id"
  WHERE s."cancelled_at" IS NULL AND s."ended_at" IS NULL;

ALTER TABLE "lent_search" ADD CONSTRAINT "lent_search_pkey" PRIMARY KEY ("partner_id", "vehicle_id", "sharing_id") INCLUDE ("text");
CREATE UNIQUE INDEX "lent_search_owner_idx" ON "lent_search" ("owner_id", "vehicle_id", "sharing_id") INCLUDE ("text");
CREATE INDEX "lent_search_owner_plate_idx" ON "lent_search" (("owner_id" || ' ' || "by_plate"), "vehicle_id");
CREATE INDEX "lent_search_owner_name_idx" ON "lent_search" (("owner_id" || ' ' || "by_name"), "vehicle_id");
CREATE INDEX "lent_search_partner_plate_idx" ON "lent_search" (("partner_id" || ' ' || "by_plate"), "vehicle_id");
CREATE INDEX "lent_search_partner_name_idx" ON "lent_search" (("partner_id" || ' ' || "by_name"), "vehicle_id");

CREATE OR REPLACE FUNCTION "index_sharing"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM "lent_search"
      WHERE "partner_id" = OLD."partner_id" AND "vehicle_id" = OLD."vehicle_id" AND "sharing_id" = OLD."id";
  END IF;
  IF TG_OP <> 'DELETE' AND NEW."cancelled_at" IS NULL AND NEW."ended_at" IS NULL THEN
    INSERT INTO "lent_search" ("owner_id", "partner_id", "vehicle_id", "sharing_id", "text", "by_plate", "by_name")
      SELECT NEW."owner_id", NEW."partner_id", NEW."vehicle_id", NEW."id",
        CASE WHEN octet_length(f."text") <= 2000 THEN f."text" END, f."by_plate", f."by_name"
      FROM "vehicle_search" AS f WHERE f."vehicle_id" = NEW."vehicle_id"
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION "index_vehicle"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW."deleted_at" IS NOT NULL THEN
    DELETE FROM "vehicle_search" WHERE "vehicle_id" = NEW."id";
    DELETE FROM "lent_search" AS l USING "sharing" AS s
      WHERE s."vehicle_id" = NEW."id" AND s."cancelled_at" IS NULL AND s."ended_at" IS NULL
        AND l."partner_id" = s."partner_id" AND l."vehicle_id" = s."vehicle_id" AND l."sharing_id" = s."id";
    RETURN NULL;
  END IF;
  INSERT INTO "vehicle_search" ("vehicle_id", "owner_id", "text", "by_plate", "by_name")
    SELECT NEW."id", NEW."owner_id", "text", "by_plate", "by_name"
    FROM "searched_as"(NEW."id", NEW."name", NEW."license_plate", NEW."vin", NEW."brand", NEW."model")
    ON CONFLICT ("vehicle_id") DO UPDATE
      SET "owner_id" = EXCLUDED."owner_id", "text" = EXCLUDED."text", "by_plate" = EXCLUDED."by_plate", "by_name" = EXCLUDED."by_name";
  IF TG_OP = 'UPDATE' THEN
    UPDATE "lent_search" AS l SET
        "text" = CASE WHEN octet_length(f."text") <= 2000 THEN f."text" END, "by_plate" = f."by_plate", "by_name" = f."by_name"
      FROM "vehicle_search" AS f JOIN "sharing" AS s ON s."vehicle_id" = f."vehicle_id"
      WHERE f."vehicle_id" = NEW."id" AND s."cancelled_at" IS NULL AND s."ended_at" IS NULL
        AND l."partner_id" = s."partner_id" AND l."vehicle_id" = s."vehicle_id" AND l."sharing_id" = s."id";
  END IF;
  RETURN NULL;
END $$;

-- Where a backup restores this table behind the sharings, their trigger has added what it brings.
CREATE FUNCTION "keep_lent_search"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (
    SELECT FROM "lent_search"
    WHERE "partner_id" = NEW."partner_id" AND "vehicle_id" = NEW."vehicle_id" AND "sharing_id" = NEW."sharing_id"
  ) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER "lent_search_keep" BEFORE INSERT ON "lent_search"
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "keep_lent_search"();
