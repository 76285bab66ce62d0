# shellcheck shell=bash
# Backups of cluster.sh, which reads this: a backup with all that is written after it, and the database as of any time since.

halt() {
  for node in $(databases); do touch "$DIR/run/patroni$node.stopping"; done
  sleep 2.5
  # The standbys first: the primary ends once it has sent and archived all that it has.
  for node in $(databases); do is_primary "$node" >/dev/null 2>&1 || stop "patroni$node"; done
  for node in $(databases); do stop "patroni$node"; done
  for node in $(databases); do stop_postgres "$node"; done
}

# pgBackRest with the data of a node.
backup_tool() {
  local node=$1
  shift
  # shellcheck disable=SC2046
  $(on_node "$node") $(as_owner) pgbackrest --config="$DIR/pgbackrest.conf" --stanza=fleetshare \
    --pg1-path="$DIR/node$node/data" "$@"
}

archive() {
  command -v pgbackrest >/dev/null || fail 'pgbackrest is not installed (Debian: pgbackrest)'
  mkdir -m 700 "$DIR"/backup "$DIR"/backup/{repository,log,lock}
  cat >"$DIR/pgbackrest.conf" <<TEXT
[global]
repo1-path=$DIR/backup/repository
repo1-retention-full=2
log-path=$DIR/backup/log
lock-path=$DIR/backup/lock
start-fast=y
TEXT
  [ "$(id -u)" != 0 ] || chown -R "$OWNER" "$DIR/backup"
  # PostgreSQL runs it in the folder of its data, on whichever node is the primary.
  patronictl -c "$DIR/patroni1.yaml" edit-config --force -p archive_mode=on -p archive_timeout=60 \
    -p "archive_command=pgbackrest --config=$DIR/pgbackrest.conf --stanza=fleetshare --pg1-path=\$PWD archive-push %p"
  patronictl -c "$DIR/patroni1.yaml" restart fleetshare --force
  await 'the synchronous standby' has_standby
  local node
  for node in $(databases); do is_primary "$node" >/dev/null 2>&1 && break; done
  local connection=(--pg1-socket-path="$DIR/node$node" --pg1-user=postgres)
  backup_tool "$node" "${connection[@]}" stanza-create
  backup_tool "$node" "${connection[@]}" check
  backup_tool "$node" "${connection[@]}" --type=full backup
}

# With the words of a query: what it answers to PostgreSQL's superuser.
query() {
  # shellcheck disable=SC2046
  $(as_owner) "$BIN/psql" -h "$DIR/node1" -U postgres -Atc "$1"
}

is_restored() { [ "$(query 'SELECT pg_is_in_recovery()')" = f ]; }

restore() {
  local data=$DIR/node1/data
  halt
  mv "$data" "$data.before-$(date -u +%Y%m%dT%H%M%SZ)"
  backup_tool 1 --type=time --target="$1" --target-action=promote restore
  # Without Patroni, which would not let it become the primary; and nobody gets in from elsewhere.
  # shellcheck disable=SC2046
  $(as_owner) "$BIN/pg_ctl" -D "$data" -l "$DIR/node1/restore.log" -w -t 600 \
    -o '-c synchronous_standby_names= -c listen_addresses=' start
  await 'the restored database' is_restored
  # shellcheck disable=SC2046
  $(as_owner) "$BIN/pg_ctl" -D "$data" -w -t 600 -m fast stop
  printf 'fleetshare\nYes I am aware\n' | patronictl -c "$DIR/patroni1.yaml" remove fleetshare
  for node in $(databases); do
    rm -f "$DIR/run/patroni$node.stopping"
    [ "$node" = 1 ] || rm -rf "$DIR/node$node/data"
    start_patroni "$node"
  done
  await 'the synchronous standby' has_standby
}
