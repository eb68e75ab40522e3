#!/bin/sh
# Run once, on an empty data directory: Rasa's conversations have a database and a user of their own, so that Rasa's
# room holds no password that opens the customers' records.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 --set password="$TRACKER_PASSWORD" <<'SQL'
CREATE ROLE rasa LOGIN PASSWORD :'password';
CREATE DATABASE tracker OWNER rasa;
REVOKE CONNECT ON DATABASE trian FROM PUBLIC;
SQL
