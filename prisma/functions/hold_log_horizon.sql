-- The trigger before each INSERT into the log holds back the log's horizon until the transaction ends.
--
-- Positions are drawn before commit, so that a later one can become visible first. Every writer therefore holds, until it has
-- committed, a shared lock that names the last position drawn before its own; what lies up to the lowest of these is
-- settled. The key's upper 16 bits mark these locks, the lower 48 are that position. It runs for each statement, before
-- the statement draws its first position; the lock of a transaction's first statement covers those after it. Whether there is
-- one, a setting tells that ends with the transaction, and with the savepoint that the lock is undone with; a lock for each
-- statement would fill PostgreSQL's table of locks.
CREATE OR REPLACE FUNCTION "hold_log_horizon"() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF current_setting('fleetshare.holds_horizon', TRUE) IS DISTINCT FROM pg_current_xact_id()::text THEN
    PERFORM pg_advisory_xact_lock_shared((x'4653'::bigint << 48) | last_value),
      set_config('fleetshare.holds_horizon', pg_current_xact_id()::text, TRUE) FROM "event_position_seq";
  END IF;
  RETURN NULL;
END $$;
