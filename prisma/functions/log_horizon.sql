-- The position up to which the log is settled: whatever lies there is committed and visible to the next statement, or was
-- rolled back; and the last position that was drawn.
--
-- The order of the two reads matters: a writer that draws after the first of them is beyond the horizon anyway.
CREATE OR REPLACE FUNCTION "log_horizon"(OUT "settled" BIGINT, OUT "drawn" BIGINT)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE "held" BIGINT;
BEGIN
  SELECT last_value INTO "drawn" FROM "event_position_seq";
  SELECT min(((classid::bigint << 32) | objid::bigint) & x'ffffffffffff'::bigint) INTO "held" FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = x'4653'::bigint
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
  "settled" := LEAST("drawn", "held");
END $$;
