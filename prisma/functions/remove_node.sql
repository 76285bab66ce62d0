-- Removes the id of an object that is removed, which no server does: people may.
CREATE OR REPLACE FUNCTION "remove_node"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  DELETE FROM "node" WHERE "id" = OLD."id";
  RETURN NULL;
END $$;
