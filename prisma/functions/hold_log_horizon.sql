-- The trigger before each INSERT into the log holds back the log's horizon until the transaction ends.
--
-- Positions are drawn before commit, so that a later one can become visible first. Every writer therefore holds, until it has
-- committed, a shared lock that names the last position drawn before its own; what lies up to the lowest of these is
-- settled. The key's upper 16 bits mark these locks, the lower 48 are that position. It runs once for each statement, before
-- the statement draws its first position.
CREATE OR REPLACE FUNCTION "hold_log_horizon"() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared((x'4653'::bigint << 48) | last_value) FROM "event_position_seq";
  RETURN NULL;
END $$;
