-- All parts of at most three characters of the lines of a folded text, each behind its fleet: the keys of a vehicle in the index.
CREATE OR REPLACE FUNCTION "search_grams"("owner_id" TEXT, "folded" TEXT) RETURNS TEXT[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
  "fleet" CONSTANT TEXT := "owner_id" || ' ';
  "part" TEXT;
  "grams" TEXT[] := ARRAY["fleet"];
BEGIN
  FOR i IN 1 .. char_length("folded") LOOP
    "part" := split_part(substr("folded", i, 3), E'\n', 1);
    FOR size IN 1 .. char_length("part") LOOP
      "grams" := "grams" || ("fleet" || left("part", size));
    END LOOP;
  END LOOP;
  RETURN "grams";
END $$;
