-- The next migration takes its locks only if it gets them within 200 ms, and autovacuum gives way after a second. It is ended here, and
-- kept away until 20261130300000_tell_busy_from_done. A log that is divided already needs none of this.
DO $$
BEGIN
  IF (SELECT c.relkind FROM pg_class AS c WHERE c.oid = '"event"'::regclass) = 'r' THEN
    ALTER TABLE "vehicle" SET (autovacuum_enabled = FALSE);
    ALTER TABLE "event" SET (autovacuum_enabled = FALSE);
  END IF;
END $$;
