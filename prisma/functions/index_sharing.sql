-- Keeps what a lent vehicle is found and ordered by, as long as the sharing is open.
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
