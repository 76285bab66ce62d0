-- Revocations by the order of their commits: instances read those that are new instead of all, once a second.
CREATE SEQUENCE "revocation_version_seq";
ALTER TABLE "revocation" ADD COLUMN "version" BIGINT;
UPDATE "revocation" SET "version" = nextval('revocation_version_seq');
ALTER TABLE "revocation" ALTER COLUMN "version" SET NOT NULL;
CREATE UNIQUE INDEX "revocation_version_key" ON "revocation" ("version");
CREATE OR REPLACE FUNCTION "number_revocation"() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(x'46530003'::bigint);
  NEW."version" := nextval('revocation_version_seq');
  RETURN NEW;
END $$;

CREATE TRIGGER "number_revocation" BEFORE INSERT OR UPDATE ON "revocation"
  FOR EACH ROW EXECUTE FUNCTION "number_revocation"();
