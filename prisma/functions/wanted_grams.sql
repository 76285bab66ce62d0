-- Parts of a folded text that together cover it, each behind its fleet: every vehicle that has the text has all of them.
CREATE OR REPLACE FUNCTION "wanted_grams"("owner_id" TEXT, "folded" TEXT) RETURNS TEXT[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path FROM CURRENT AS $$
  SELECT array_agg(DISTINCT "owner_id" || ' ' || substr("folded", start, 3) COLLATE "C")
  FROM (
    SELECT generate_series(1, char_length("folded") - 3, 3) UNION SELECT GREATEST(char_length("folded") - 2, 1)
  ) AS places(start)
$$;
