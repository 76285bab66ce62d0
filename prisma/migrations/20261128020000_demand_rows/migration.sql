-- What a decision writes is one statement of several parts, each of which has to change exactly the rows that it names, before
-- something falls due. Where that is not so the statement fails, and nothing of it happens: an event without its change
-- cannot be. "until" may be NULL for ever. See src/data/changes.ts.
CREATE FUNCTION "demand_rows"("until" TIMESTAMPTZ, "parts" TEXT[], "changed" BIGINT[], "named" INT[])
RETURNS BOOLEAN LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF clock_timestamp() >= "until" THEN
    RAISE EXCEPTION 'something fell due before it was written' USING ERRCODE = 'FS002';
  END IF;
  FOR i IN 1 .. cardinality("parts") LOOP
    IF "changed"[i] <> "named"[i] THEN
      RAISE EXCEPTION 'part "%" changed % rows and names %', "parts"[i], "changed"[i], "named"[i] USING ERRCODE = 'FS001';
    END IF;
  END LOOP;
  RETURN TRUE;
END $$;
