-- One lock on the log's horizon for each transaction, however many statements of it write events.
CREATE OR REPLACE FUNCTION "hold_log_horizon"() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF current_setting('fleetshare.holds_horizon', TRUE) IS DISTINCT FROM pg_current_xact_id()::text THEN
    PERFORM pg_advisory_xact_lock_shared((x'4653'::bigint << 48) | last_value) FROM "event_position_seq";
    PERFORM set_config('fleetshare.holds_horizon', pg_current_xact_id()::text, TRUE);
  END IF;
  RETURN NULL;
END $$;
