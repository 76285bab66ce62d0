-- Whether a sharing with a policy is in force at an instant by which something of it has fallen due that is not recorded yet.
CREATE OR REPLACE FUNCTION "in_force_when_due"("of_vehicle" TEXT, "sharing_id" TEXT, "at" TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM "settled_sharings"("of_vehicle", "at") AS s
    WHERE s."id" = "sharing_id" AND s."cancelled_at" IS NULL AND s."started_at" <= "at" AND (s."ended_at" IS NULL OR s."ended_at" > "at"));
END $$;
