-- The end of the log, as an instance asks for it that knows the event at the position "known": the horizon, the last event up
-- to it, the tag of the event that is at "known" now (0 for one of before there were tags, NULL if there is none), and the
-- number of the log's timeline.
--
-- Each query has a snapshot of its own, so that the last event is looked for when all that is settled is visible.
CREATE OR REPLACE FUNCTION "log_end"(
  IN "known" BIGINT, OUT "settled" BIGINT, OUT "drawn" BIGINT, OUT "last" BIGINT, OUT "last_tag" INT, OUT "known_tag" INT,
  OUT "number" INT
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  SELECT h."settled", h."drawn" INTO "log_end"."settled", "log_end"."drawn" FROM "log_horizon"() AS h;
  SELECT e."position", COALESCE(e."tag", 0) INTO "last", "last_tag" FROM "event" AS e
    WHERE e."position" <= "log_end"."settled" ORDER BY e."position" DESC LIMIT 1;
  IF "known" = "last" THEN
    "known_tag" := "last_tag";
  ELSE
    SELECT COALESCE(e."tag", 0) INTO "known_tag" FROM "event" AS e WHERE e."position" = "known";
  END IF;
  SELECT t."number" INTO "log_end"."number" FROM "timeline" AS t ORDER BY t."number" DESC LIMIT 1;
END $$;
