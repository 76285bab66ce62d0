-- The trigger for a start that an instance of the version before records: by the flag alone, always on time.
CREATE OR REPLACE FUNCTION "fill_started_at"() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  NEW."started_at" := NEW."starts_at";
  RETURN NEW;
END $$;
