-- Whether control of a vehicle could pass at an instant without surprising anybody: the rule of src/domain/handover/idleness.ts.
CREATE OR REPLACE FUNCTION "is_idle"("v" "vehicle", "at" TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT COALESCE("v"."speed_kmh", 0) = 0
    AND COALESCE("v"."ignition", "v"."driving_enabled") IS FALSE
    AND "v"."central_lock" IS DISTINCT FROM 'UNLOCKED'
    AND "v"."use" IS NULL
    AND ("v"."central_lock" IS NOT NULL OR NOT "v"."supported_commands" && ARRAY[
      'LOCK_CENTRAL_LOCK', 'UNLOCK_CENTRAL_LOCK', 'LOCK_AND_DISABLE_DRIVING', 'UNLOCK_AND_ENABLE_DRIVING'])
    AND ("at" - "v"."last_contact_at" <= make_interval(mins =>
      (SELECT s."value" FROM "setting" AS s WHERE s."name" = 'idle_max_silence_minutes'))) IS TRUE
$$;
