-- Functions look up their tables in the schema that they were made in, whatever the session's search_path is. pg_dump
-- restores with an empty one: the trigger of "event" then failed, and the rows of the log were lost.
ALTER FUNCTION "hold_log_horizon"() SET search_path FROM CURRENT;
ALTER FUNCTION "log_horizon"() SET search_path FROM CURRENT;
ALTER FUNCTION "prune_log"(TIMESTAMPTZ, INT) SET search_path FROM CURRENT;
ALTER FUNCTION "record_vehicle_states"(JSONB, TEXT, TEXT[]) SET search_path FROM CURRENT;
ALTER FUNCTION "record_vehicle_states"(JSONB, TEXT, TEXT[], BOOLEAN) SET search_path FROM CURRENT;
