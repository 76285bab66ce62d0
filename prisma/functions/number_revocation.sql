-- The trigger before each change of a revocation numbers it, so that an instance reads only what is newer than it knows.
--
-- One at a time until the commit: else a higher number could become visible first, and the lower one would never be read.
CREATE OR REPLACE FUNCTION "number_revocation"() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(x'46530003'::bigint);
  NEW."version" := nextval('revocation_version_seq');
  RETURN NEW;
END $$;
