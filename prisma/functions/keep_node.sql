-- Skips an id that is there with its type already, as in the restore of a backup; any other duplicate is an error of the key.
CREATE OR REPLACE FUNCTION "keep_node"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM "node" WHERE "id" = NEW."id" AND "type" = NEW."type") THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
