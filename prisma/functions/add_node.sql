-- Adds the id of a new object, whose type is the trigger's argument. An id that an object of another type has is an error.
CREATE OR REPLACE FUNCTION "add_node"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO "node" ("id", "type") VALUES (NEW."id", TG_ARGV[0]) ON CONFLICT ("id") DO NOTHING;
  -- By itself: an expression with a subquery is a statement of its own, even where the subquery is not needed.
  IF FOUND THEN RETURN NULL; END IF;
  IF NOT EXISTS (SELECT FROM "node" WHERE "id" = NEW."id" AND "type" = TG_ARGV[0]) THEN
    RAISE EXCEPTION 'another object has the id %', NEW."id" USING ERRCODE = 'unique_violation', CONSTRAINT = 'node_pkey';
  END IF;
  RETURN NULL;
END $$;
