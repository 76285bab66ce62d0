-- Skips a row that is there already, as in the restore of a backup.
CREATE OR REPLACE FUNCTION "keep_lent_search"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (
    SELECT FROM "lent_search"
    WHERE "partner_id" = NEW."partner_id" AND "vehicle_id" = NEW."vehicle_id" AND "sharing_id" = NEW."sharing_id"
  ) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
