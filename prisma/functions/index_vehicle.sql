-- Keeps what a vehicle is found and ordered by, as long as it is not deleted.
CREATE OR REPLACE FUNCTION "index_vehicle"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW."deleted_at" IS NOT NULL THEN
    DELETE FROM "vehicle_search" WHERE "vehicle_id" = NEW."id";
    RETURN NULL;
  END IF;
  INSERT INTO "vehicle_search" ("vehicle_id", "owner_id", "text", "by_plate", "by_name")
    SELECT NEW."id", NEW."owner_id", "text", "by_plate", "by_name"
    FROM "searched_as"(NEW."id", NEW."name", NEW."license_plate", NEW."vin", NEW."brand", NEW."model")
    ON CONFLICT ("vehicle_id") DO UPDATE
      SET "owner_id" = EXCLUDED."owner_id", "text" = EXCLUDED."text", "by_plate" = EXCLUDED."by_plate", "by_name" = EXCLUDED."by_name";
  RETURN NULL;
END $$;
