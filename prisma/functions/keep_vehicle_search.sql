-- Skips a row that is there already, as in the restore of a backup.
CREATE OR REPLACE FUNCTION "keep_vehicle_search"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM "vehicle_search" WHERE "vehicle_id" = NEW."vehicle_id") THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
