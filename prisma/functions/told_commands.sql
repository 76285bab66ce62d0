-- The commands of some vehicles (NULL for all) whose rows have another status than their last event, as that event says.
CREATE OR REPLACE FUNCTION "told_commands"("vehicles" TEXT[]) RETURNS SETOF "command"
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  RETURN QUERY
  WITH told AS (
    SELECT e."command_id",
      (array_agg(e."facts"->>'status' ORDER BY e."position" DESC))[1] AS "status",
      (array_agg(e."occurred_at" ORDER BY e."position" DESC))[1] AS "at",
      (array_agg(e."occurred_at" ORDER BY e."position" DESC) FILTER (WHERE e."facts"->>'status' = 'DISPATCHED'))[1] AS "dispatched_at"
    FROM "event" AS e
    WHERE e."command_id" IS NOT NULL AND e."type" <> 'STATE_RECORDED' AND ("vehicles" IS NULL OR e."vehicle_id" = ANY("vehicles"))
    GROUP BY e."command_id"
  )
  SELECT (jsonb_populate_record(c, jsonb_build_object(
    'status', t."status",
    'dispatched_at', CASE WHEN t."status" IN ('DISPATCHED', 'SUCCEEDED', 'FAILED', 'OUTCOME_UNKNOWN') THEN
      COALESCE(c."dispatched_at", t."dispatched_at", c."requested_at") END,
    'completed_at', CASE WHEN t."status" NOT IN ('PENDING', 'DISPATCHED') THEN t."at" END))).*
  FROM "command" AS c JOIN told AS t ON t."command_id" = c."id"
  WHERE t."status" <> c."status" AND ("vehicles" IS NULL OR c."vehicle_id" = ANY("vehicles"));
END $$;
