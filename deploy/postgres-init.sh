#!/bin/sh
# Runs once, as the superuser, on an empty cluster: makes the role of the server, which has no rights beyond its own database, and
# leaves the superuser without a password, so that nobody becomes it over the network. In the image of PostgreSQL it belongs into
# /docker-entrypoint-initdb.d.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$POSTGRES_PASSWORD" --dbname=postgres <<'END'
CREATE ROLE fleetshare LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE fleetshare OWNER fleetshare TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE fleetshare FROM PUBLIC;
ALTER ROLE CURRENT_USER PASSWORD NULL;
END
