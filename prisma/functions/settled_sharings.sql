-- The open sharings of a vehicle as they are at an instant, whether what fell due by then is recorded or not: the rules of
-- src/domain/handover/settle.ts, for lists. No two sharings meet, so that each can be taken to its end before the next.
CREATE OR REPLACE FUNCTION "settled_sharings"("of_vehicle" TEXT, "at" TIMESTAMPTZ) RETURNS SETOF "sharing"
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
  "v" "vehicle";
  "s" "sharing";
BEGIN
  SELECT * INTO "v" FROM "vehicle" AS t WHERE t."id" = "of_vehicle";
  FOR "s" IN
    SELECT * FROM "sharing" AS t
    WHERE t."vehicle_id" = "of_vehicle" AND t."cancelled_at" IS NULL AND t."ended_at" IS NULL ORDER BY t."starts_at"
  LOOP
    IF "s"."started_at" IS NULL AND "s"."start_awaited_since" IS NULL AND "s"."starts_at" <= "at" THEN
      IF NOT "s"."start_when_idle" OR "is_idle"("v", "s"."starts_at") THEN
        "s"."started_at" := "s"."starts_at";
        "v"."use" := NULL;
      ELSE
        "s"."start_awaited_since" := "s"."starts_at";
      END IF;
    END IF;
    IF "s"."start_awaited_since" IS NOT NULL AND "s"."ends_at" <= "at" THEN
      "s"."start_awaited_since" := NULL;
      "s"."cancelled_at" := "s"."ends_at";
      "s"."end_reason" := 'NOT_HANDED_OVER';
    END IF;
    IF "s"."started_at" IS NOT NULL AND "s"."is_overrun" IS NOT TRUE AND "s"."ends_at" <= "at" THEN
      IF "s"."latest_ends_at" > "s"."ends_at" AND NOT "is_idle"("v", "s"."ends_at") THEN
        "s"."is_overrun" := TRUE;
        "s"."end_requested_at" := COALESCE("s"."end_requested_at", "s"."ends_at");
      ELSE
        "s"."is_overrun" := CASE WHEN "s"."end_when_idle" THEN FALSE END;
        "s"."ended_at" := "s"."ends_at";
      END IF;
    END IF;
    IF "s"."is_overrun" AND "s"."latest_ends_at" <= "at" THEN
      "s"."ended_at" := "s"."latest_ends_at";
    END IF;
    IF "s"."ended_at" IS NOT NULL THEN
      "s"."end_reason" := 'EXPIRED';
      "v"."use" := NULL;
    END IF;
    RETURN NEXT "s";
  END LOOP;
END $$;
