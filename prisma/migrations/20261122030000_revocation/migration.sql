-- Tokens that are no longer trusted. NULL is a value here: tokens of no fleet, and of whatever subject.
CREATE TABLE "revocation" (
  "id" BIGSERIAL PRIMARY KEY,
  "fleet_id" TEXT COLLATE "C" REFERENCES "fleet" ("id"),
  "subject" TEXT COLLATE "C",
  "until" TIMESTAMPTZ(3) NOT NULL
);
CREATE UNIQUE INDEX "revocation_fleet_id_subject_key" ON "revocation" ("fleet_id", "subject") NULLS NOT DISTINCT;
