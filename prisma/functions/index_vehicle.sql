-- Keeps what a vehicle is found and ordered by, here and in its open sharings, as long as it is not deleted.
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
