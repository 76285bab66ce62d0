-- Lists of commands, newest first: of an owner, of a partner that sent them, and of a vehicle. Each status is one range of an index, so
-- that a page costs the same whatever the filter leaves out.
CREATE INDEX "command_owner_list_idx" ON "command" ("owner_id", "status", "requested_at", "id");
CREATE INDEX "command_partner_list_idx" ON "command" ("fleet_id", "status", "requested_at", "id") WHERE "fleet_id" <> "owner_id";
CREATE INDEX "command_vehicle_list_idx" ON "command" ("vehicle_id", "status", "requested_at", "id");
DROP INDEX "command_vehicle_id_idx";
DROP INDEX "command_fleet_id_idx";
