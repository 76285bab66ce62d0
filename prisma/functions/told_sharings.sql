-- The sharings of some vehicles (NULL for all) as the log tells them: what their events say last, and the rows' own values
-- where events have been removed for their age.
CREATE OR REPLACE FUNCTION "told_sharings"("vehicles" TEXT[]) RETURNS SETOF "sharing"
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  RETURN QUERY
  WITH told AS (
    SELECT e."sharing_id",
      (array_agg(e."recorded_at" ORDER BY e."position"))[1] AS "first_at",
      (array_agg(e."facts" ORDER BY e."position" DESC))[1] AS "latest",
      (array_agg(e."occurred_at" ORDER BY e."position" DESC) FILTER (WHERE e."type" = 'SHARING_STARTED'))[1] AS "started_at",
      (array_agg(e ORDER BY e."position" DESC) FILTER (WHERE e."type" = 'SHARING_END_REQUESTED'))[1] AS "asked",
      (array_agg(e ORDER BY e."position" DESC) FILTER (WHERE e."type" IN ('SHARING_ENDED', 'SHARING_CANCELLED')))[1] AS "over"
    FROM "event" AS e
    WHERE e."sharing_id" IS NOT NULL AND e."type" <> 'STATE_RECORDED' AND ("vehicles" IS NULL OR e."vehicle_id" = ANY("vehicles"))
    GROUP BY e."sharing_id"
  )
  SELECT (CASE WHEN t."sharing_id" IS NULL THEN s ELSE jsonb_populate_record(s, jsonb_build_object(
    'starts_at', COALESCE(t."started_at", s."starts_at"),
    'ends_at', to_timestamp((t."latest"->>'endsAt')::float8 / 1000)::timestamptz(3),
    'ended_at', CASE WHEN (t."over")."type" = 'SHARING_ENDED' THEN (t."over")."occurred_at" END,
    'end_reason', (t."over")."facts"->>'endReason',
    'cancelled_at', CASE WHEN (t."over")."type" = 'SHARING_CANCELLED' THEN (t."over")."occurred_at" END,
    'start_recorded', (t."over")."type" IS DISTINCT FROM 'SHARING_CANCELLED'
      AND (t."started_at" IS NOT NULL OR (t."first_at" > s."created_at" AND s."start_recorded")),
    'end_requested_at', COALESCE((t."asked")."occurred_at", CASE WHEN t."first_at" > s."created_at" THEN s."end_requested_at" END),
    'end_requested_by', CASE
      WHEN (t."asked")."position" IS NULL THEN CASE WHEN t."first_at" > s."created_at" THEN s."end_requested_by" END
      WHEN (t."asked")."occurred_at" = s."end_requested_at" THEN s."end_requested_by"
      -- The log does not tell which party asked; the audit trail may.
      ELSE COALESCE((SELECT a."actor_id" FROM "audit" AS a
        WHERE a."reader_id" = s."owner_id" AND a."vehicle_id" = s."vehicle_id" AND a."request_id" = (t."asked")."request_id"
          AND a."sharing_id" = s."id" AND a."refusal" IS NULL ORDER BY a."id" LIMIT 1), s."owner_id") END
  )) END).*
  FROM "sharing" AS s LEFT JOIN told AS t ON t."sharing_id" = s."id"
  WHERE "vehicles" IS NULL OR s."vehicle_id" = ANY("vehicles");
END $$;
