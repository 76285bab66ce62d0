-- Raises FS002 if "until" has come, FS001 if some part of a decision changed another number of rows than it names. The statement
-- of a decision calls it last, so that all of it happens or nothing. "until" may be NULL for ever.
CREATE OR REPLACE FUNCTION "demand_rows"("until" TIMESTAMPTZ, "parts" TEXT[], "changed" BIGINT[], "named" INT[])
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
