-- The end of the log: the horizon, the last event up to it, its tag (0 for one of before there were tags), and the number of
-- the log's timeline.
--
-- Each query has a snapshot of its own, so that the last event is looked for when all that is settled is visible.
CREATE OR REPLACE FUNCTION "log_end"(
  OUT "settled" BIGINT, OUT "drawn" BIGINT, OUT "last" BIGINT, OUT "last_tag" INT, OUT "number" INT
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  SELECT h."settled", h."drawn" INTO "log_end"."settled", "log_end"."drawn" FROM "log_horizon"() AS h;
  SELECT e."position", COALESCE(e."tag", 0) INTO "last", "last_tag" FROM "event" AS e
    WHERE e."position" <= "log_end"."settled" ORDER BY e."position" DESC LIMIT 1;
  SELECT t."number" INTO "log_end"."number" FROM "timeline" AS t ORDER BY t."number" DESC LIMIT 1;
END $$;
