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
      (array_agg(e."occurred_at" ORDER BY e."position" DESC) FILTER (WHERE e."type" = 'SHARING_START_AWAITED'))[1] AS "awaited_at",
      (array_agg(e ORDER BY e."position" DESC) FILTER (WHERE e."type" = 'SHARING_END_REQUESTED'))[1] AS "asked",
      (array_agg(e ORDER BY e."position" DESC) FILTER (WHERE e."type" IN ('SHARING_ENDED', 'SHARING_CANCELLED')))[1] AS "over"
    FROM "event" AS e
    WHERE e."sharing_id" IS NOT NULL AND e."type" <> 'STATE_RECORDED' AND ("vehicles" IS NULL OR e."vehicle_id" = ANY("vehicles"))
    GROUP BY e."sharing_id"
  ), waiting AS (
    -- A wait that began at a due end is over once a later end was set.
    SELECT t.*, (t."asked")."position" IS NOT NULL AND NOT ((t."asked")."request_id" IS NULL AND EXISTS (
        SELECT FROM "event" AS c
        WHERE c."vehicle_id" = (t."asked")."vehicle_id" AND c."sharing_id" = t."sharing_id" AND c."type" = 'SHARING_END_CHANGED'
          AND c."position" > (t."asked")."position"
          AND COALESCE((c."facts"->>'endsAt')::float8 > extract(epoch FROM (t."asked")."occurred_at") * 1000, TRUE))) AS "waits"
    FROM told AS t
  )
  SELECT (CASE WHEN t."sharing_id" IS NULL THEN s ELSE jsonb_populate_record(s, jsonb_build_object(
    'starts_at', COALESCE(CASE WHEN NOT s."start_when_idle" THEN t."started_at" END, s."starts_at"),
    'started_at', CASE WHEN (t."over")."type" IS DISTINCT FROM 'SHARING_CANCELLED' THEN
      COALESCE(t."started_at", CASE WHEN t."first_at" > s."created_at" THEN s."started_at" END) END,
    'start_recorded', (t."over")."type" IS DISTINCT FROM 'SHARING_CANCELLED'
      AND (t."started_at" IS NOT NULL OR (t."first_at" > s."created_at" AND s."start_recorded")),
    'start_awaited_since', CASE WHEN t."started_at" IS NULL AND (t."over")."position" IS NULL THEN
      COALESCE(t."awaited_at", CASE WHEN t."first_at" > s."created_at" THEN s."start_awaited_since" END) END,
    'ends_at', to_timestamp((t."latest"->>'endsAt')::float8 / 1000)::timestamptz(3),
    'latest_ends_at', to_timestamp((t."latest"->>'latestEndsAt')::float8 / 1000)::timestamptz(3),
    'ended_at', CASE WHEN (t."over")."type" = 'SHARING_ENDED' THEN (t."over")."occurred_at" END,
    'end_reason', (t."over")."facts"->>'endReason',
    'cancelled_at', CASE WHEN (t."over")."type" = 'SHARING_CANCELLED' THEN (t."over")."occurred_at" END,
    'end_requested_at', CASE WHEN t."waits" THEN (t."asked")."occurred_at"
      WHEN t."first_at" > s."created_at" THEN s."end_requested_at" END,
    'is_overrun', CASE WHEN t."waits" AND (t."asked")."request_id" IS NULL AND s."end_when_idle" THEN TRUE
      ELSE s."is_overrun" END,
    'end_requested_by', CASE
      WHEN NOT t."waits" THEN CASE WHEN t."first_at" > s."created_at" THEN s."end_requested_by" END
      -- A due end that may wait asks by itself.
      WHEN (t."asked")."request_id" IS NULL AND s."end_when_idle" THEN NULL
      WHEN (t."asked")."occurred_at" = s."end_requested_at" AND s."end_requested_by" IS NOT NULL THEN s."end_requested_by"
      -- The log does not tell which party asked; the audit trail may.
      ELSE COALESCE((SELECT a."actor_id" FROM "audit" AS a
        WHERE a."reader_id" = s."owner_id" AND a."vehicle_id" = s."vehicle_id" AND a."request_id" = (t."asked")."request_id"
          AND a."sharing_id" = s."id" AND a."refusal" IS NULL ORDER BY a."id" LIMIT 1), s."owner_id") END
  )) END).*
  FROM "sharing" AS s LEFT JOIN waiting AS t ON t."sharing_id" = s."id"
  WHERE "vehicles" IS NULL OR s."vehicle_id" = ANY("vehicles");
END $$;
