#!/usr/bin/env bash
# A highly available FleetShare on one machine, to try and to copy from: etcd on three nodes, Patroni with PostgreSQL on two or three of
# them, and on the third HAProxy and two instances of the server. README.md has the whole of it.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)

usage() {
  cat <<'TEXT'
cluster.sh up DIR         makes a cluster in the folder DIR, which must not exist, and waits until it serves
cluster.sh down DIR       stops all of it; DIR with its data and logs stays
cluster.sh status DIR     shows its nodes
cluster.sh patronictl DIR ...   patronictl with the configuration of the cluster
cluster.sh archive DIR      archives the write-ahead log from now on, and makes a backup, with pgBackRest
cluster.sh halt DIR         stops the database on all nodes; cluster.sh restore takes it up again
cluster.sh restore DIR TIME   the database as it was at a time after the backup, such as '2026-11-29 11:47:27+00'
cluster.sh cut DIR N, heal DIR N   with NAMESPACES=1: takes node N off the network, and puts it back

DATABASES=2               2 or 3 nodes have PostgreSQL
SUBNET=127.0.0            its nodes are at .11, .12 and .13
NAMESPACES=1              nodes 1 and 2 have networks of their own, in 10.203.0.0/24; needs root
OWNER=postgres            the user that runs PostgreSQL, if this is root
TEXT
}

[ $# -ge 2 ] || { usage; exit 1; }
command=$1
DIR=$(realpath -m "$2")
shift 2

fail() { echo "cluster.sh: $*" >&2; exit 1; }

# Settings of the cluster, kept in its folder, so that all commands after "up" agree.
if [ -e "$DIR/settings" ]; then
  # shellcheck source=/dev/null
  . "$DIR/settings"
else
  NAMESPACES=${NAMESPACES:-}
  DATABASES=${DATABASES:-2}
  SUBNET=${SUBNET:-127.0.0}
  [ -z "$NAMESPACES" ] || SUBNET=10.203.0
  PASSWORD=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
fi
OWNER=${OWNER:-postgres}

address() { echo "$SUBNET.1$1"; }
databases() { seq "$DATABASES"; }
ETCD="$(address 1):2379,$(address 2):2379,$(address 3):2379"
BIN=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)

# The words ahead of a command that take it to a node, and to the user of PostgreSQL, whom root becomes.
on_node() {
  if [ -n "$NAMESPACES" ] && [ "$1" != 3 ]; then echo "ip netns exec fsha$1"; fi
}
as_owner() {
  if [ "$(id -u)" = 0 ]; then echo "setpriv --reuid=$OWNER --regid=$OWNER --init-groups"; fi
}

# Runs a program, and again two seconds after it has ended, as systemd does with Restart=always.
supervise() {
  local name=$1
  shift
  while :; do
    "$@" >>"$DIR/log/$name.log" 2>&1 </dev/null &
    echo $! >"$DIR/run/$name.pid"
    wait $! || true
    [ ! -e "$DIR/run/stopping" ] && [ ! -e "$DIR/run/$name.stopping" ] || exit 0
    sleep 2
  done
}

start() { setsid "$0" supervise "$DIR" "$@" >/dev/null 2>&1 </dev/null & }

# Fills in a file of this folder.
filled() {
  local node=${2:-3}
  # shellcheck disable=SC2016
  sed -e 's|${NAME}|'"node$node|g" -e 's|${ADDRESS}|'"$(address "$node")|g" -e 's|${ADDRESS_1}|'"$(address 1)|g" \
    -e 's|${ADDRESS_2}|'"$(address 2)|g" -e 's|${ADDRESS_3}|'"$(address 3)|g" -e 's|${ETCD}|'"$ETCD|g" \
    -e 's|${DIR}|'"$DIR|g" -e 's|${BIN}|'"$BIN|g" -e 's|${NETWORK}|'"$NETWORK|g" -e 's|${PASSWORD}|'"$PASSWORD|g" "$HERE/$1"
}

# Waits until a command succeeds, for two minutes.
await() {
  local what=$1
  shift
  for _ in $(seq 240); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.5
  done
  fail "$what is not there after two minutes: see $DIR/log"
}

answers() { curl -fsS --max-time 3 "http://$1"; }
is_primary() { answers "$(address "$1"):8008/primary"; }
is_standby() { answers "$(address "$1"):8008/replica"; }
has_standby() { for node in $(databases); do answers "$(address "$node"):8008/sync" && return; done; }

# The first node becomes the primary, and the others follow it.
start_patroni() {
  # shellcheck disable=SC2046
  start "patroni$1" $(on_node "$1") $(as_owner) patroni "$DIR/patroni$1.yaml"
  if [ "$1" = 1 ]; then await 'the primary' is_primary 1; else await "the standby $1" is_standby "$1"; fi
}

make_networks() {
  ip link add fsha0 type bridge
  ip address add "$(address 3)/24" dev fsha0
  ip link set fsha0 up
  for node in 1 2; do
    ip netns add "fsha$node"
    ip link add "fshav$node" type veth peer name eth0 netns "fsha$node"
    ip link set "fshav$node" master fsha0 up
    ip netns exec "fsha$node" ip address add "$(address "$node")/24" dev eth0
    ip netns exec "fsha$node" ip link set eth0 up
    ip netns exec "fsha$node" ip link set lo up
  done
}

up() {
  [ ! -e "$DIR" ] || fail "$DIR exists"
  [ -n "$BIN" ] || fail 'PostgreSQL is not installed (Debian: postgresql)'
  for program in etcd patroni haproxy curl setsid setpriv; do
    command -v "$program" >/dev/null || fail "$program is not installed (Debian: etcd-server patroni haproxy curl util-linux)"
  done
  mkdir -p "$DIR"/{run,log,server}
  chmod 755 "$DIR"
  printf '%s=%s\n' SUBNET "$SUBNET" NAMESPACES "$NAMESPACES" DATABASES "$DATABASES" PASSWORD "$PASSWORD" >"$DIR/settings"
  chmod 600 "$DIR/settings"
  [ -z "$NAMESPACES" ] || make_networks
  NETWORK=$([ -n "$NAMESPACES" ] && echo "$SUBNET.0/24" || echo 127.0.0.0/8)
  cat >"$DIR/create-database" <<TEXT
#!/bin/sh
exec $BIN/psql "\$1" -c "CREATE ROLE fleetshare LOGIN PASSWORD '$PASSWORD'" -c 'CREATE DATABASE fleetshare OWNER fleetshare'
TEXT
  chmod 755 "$DIR/create-database"
  filled haproxy.cfg >"$DIR/haproxy.cfg"
  for node in $(databases); do
    mkdir -m 700 "$DIR/node$node"
    filled patroni.yaml "$node" >"$DIR/patroni$node.yaml"
    chmod 600 "$DIR/patroni$node.yaml"
  done
  if [ "$(id -u)" = 0 ]; then
    $(as_owner) test -x "$DIR" || fail "$OWNER cannot enter $DIR: the folders above have to let it"
    chown "$OWNER" "$DIR"/node? "$DIR"/patroni?.yaml "$DIR/create-database"
  fi

  local members="node1=http://$(address 1):2380,node2=http://$(address 2):2380,node3=http://$(address 3):2380"
  for node in 1 2 3; do
    local client="http://$(address "$node"):2379" peer="http://$(address "$node"):2380"
    # shellcheck disable=SC2046
    start "etcd$node" $(on_node "$node") etcd --name "node$node" --data-dir "$DIR/etcd$node" \
      --listen-client-urls "$client" --advertise-client-urls "$client" \
      --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "$members" \
      --heartbeat-interval 250 --election-timeout 2500 --pre-vote --enable-v2 --logger zap
  done
  await etcd answers "$(address 3):2379/health"
  for node in $(databases); do
    # The first one makes the database, and the others copy it.
    start_patroni "$node"
  done
  await 'the synchronous standby' has_standby
  start haproxy haproxy -db -f "$DIR/haproxy.cfg"
  local node_program=$ROOT/node_modules/.bin/node url="postgresql://fleetshare:$PASSWORD@$(address 3)"
  [ -x "$node_program" ] || node_program=node
  for instance in 1 2; do
    start "server$instance" env HOST="$(address 3)" PORT="400$instance" DATA_DIR="$DIR/server" \
      DATABASE_URL="$url:5000/fleetshare" DATABASE_REPLICA_URL="$url:5001/fleetshare" \
      "$node_program" --min-semi-space-size=32 --max-semi-space-size=32 --no-allocation-site-pretenuring "$ROOT/src/main.ts"
    await "server $instance" answers "$(address 3):400$instance/ready"
  done
  echo "It serves at http://$(address 3):4001/graphql and http://$(address 3):4002/graphql."
}

# Waits for a process to end, so many fifths of a second, and kills it then.
await_end() {
  for _ in $(seq "$2"); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.2
  done
  kill -KILL "$1" 2>/dev/null || true
}

# Ends the program of a pid file: politely, and after 20 seconds for good.
stop() {
  local pid
  pid=$(cat "$DIR/run/$1.pid" 2>/dev/null) || return 0
  kill -CONT "$pid" 2>/dev/null || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  await_end "$pid" 100
}

# PostgreSQL of a node whose Patroni did not stop it.
stop_postgres() {
  local pid
  pid=$(head -1 "$DIR/node$1/data/postmaster.pid" 2>/dev/null) || return 0
  grep -qs "$DIR/node$1/data" "/proc/$pid/cmdline" || return 0
  # shellcheck disable=SC2046
  kill -CONT "$pid" $(cat "/proc/$pid/task/$pid/children") 2>/dev/null || true
  kill -QUIT "$pid" 2>/dev/null || return 0
  await_end "$pid" 50
}

down() {
  [ -e "$DIR/settings" ] || fail "$DIR has no cluster"
  touch "$DIR/run/stopping"
  # A program that is between two starts gets its last one, and ends with it.
  sleep 2.5
  for name in server1 server2 haproxy patroni3 patroni2 patroni1; do stop "$name"; done
  for node in $(databases); do stop_postgres "$node"; done
  for name in etcd1 etcd2 etcd3; do stop "$name"; done
  if [ -n "$NAMESPACES" ]; then
    for node in 1 2; do ip netns delete "fsha$node" || true; done
    ip link delete fsha0 || true
  fi
}

# shellcheck source=backup.sh
. "$HERE/backup.sh"

case $command in
  up) up ;;
  down) down ;;
  status) patronictl -c "$DIR/patroni1.yaml" list ;;
  patronictl) patronictl -c "$DIR/patroni1.yaml" "$@" ;;
  archive) archive ;;
  halt) halt ;;
  restore) restore "$1" ;;
  cut) ip link set "fshav$1" down ;;
  heal) ip link set "fshav$1" up ;;
  supervise) supervise "$@" ;;
  *) usage; exit 1 ;;
esac
