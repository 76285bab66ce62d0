-- The partitions of the log, in its order: the first position of each and the one behind its last (NULL for no bound), and its first
-- and last events, by position.
CREATE OR REPLACE FUNCTION "log_partitions"(
  OUT "name" TEXT, OUT "from" BIGINT, OUT "to" BIGINT,
  OUT "first" BIGINT, OUT "first_at" TIMESTAMPTZ, OUT "last" BIGINT, OUT "last_at" TIMESTAMPTZ
) RETURNS SETOF RECORD
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  FOR "name", "from", "to" IN
    SELECT c.relname, substring(b.bounds FROM $x$FROM \('(\d+)'\)$x$)::bigint AS lower, substring(b.bounds FROM $x$TO \('(\d+)'\)$x$)::bigint
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
      CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bounds) AS b
    WHERE i.inhparent = '"event"'::regclass AND NOT i.inhdetachpending ORDER BY lower NULLS FIRST
  LOOP
    BEGIN
      EXECUTE format('SELECT "position", "recorded_at" FROM %I ORDER BY "position" LIMIT 1', "name") INTO "first", "first_at";
      EXECUTE format('SELECT "position", "recorded_at" FROM %I ORDER BY "position" DESC LIMIT 1', "name") INTO "last", "last_at";
    EXCEPTION WHEN undefined_table THEN
      -- Another session has dropped it since.
      CONTINUE;
    END;
    RETURN NEXT;
  END LOOP;
END $$;
