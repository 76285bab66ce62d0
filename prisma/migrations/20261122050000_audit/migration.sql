-- Who did what to whose vehicle, or was refused it: one row for each fleet that may read it. No foreign keys, as in the log.
CREATE TABLE "audit" (
  "id" BIGSERIAL PRIMARY KEY,
  "reader_id" TEXT COLLATE "C" NOT NULL,
  "at" TIMESTAMPTZ(3) NOT NULL,
  "action" TEXT NOT NULL,
  "actor_id" TEXT COLLATE "C" NOT NULL,
  "subject" TEXT,
  "vehicle_id" TEXT COLLATE "C" NOT NULL,
  "sharing_id" TEXT COLLATE "C",
  "refusal" TEXT,
  "request_id" TEXT NOT NULL
);
CREATE INDEX "audit_reader_id_id_idx" ON "audit" ("reader_id", "id");
CREATE INDEX "audit_reader_id_vehicle_id_id_idx" ON "audit" ("reader_id", "vehicle_id", "id");
