# shellcheck shell=bash
# Functions of the tests with the real Citus: servers of their own on 127.0.0.1, which are removed at the end, and checks that are
# counted.  Source it from bash: a test ends there where citus.control is not installed. PG_CONFIG
# (default: pg_config) is the server to use.
#
#	make_server N SETTING...     server N, which listens on ${port[N]}
#	make_ledgers                 servers 0 (the coordinator), 1 and 2, each with a database "ledger"
#	ask N SQL...                 the answer of server N
#	load MONTH                   2,000 transactions on the coordinator, and those of each entity on its node
#	check, matches               compare; conclude prints the last line

config=${PG_CONFIG:-pg_config}
work=
passed=0
failed=0
port=()

remove_servers()
{
	local rc=$? i
	trap - EXIT
	for i in 0 1 2 3; do
		[ ! -f "$work/$i/postmaster.pid" ] || "$bin/pg_ctl" -D "$work/$i" -m immediate stop >/dev/null || true
	done
	[ -z "$work" ] || rm -rf "$work"
	exit $rc
}

# The port is one that nobody has at the moment.
make_server()
{
	local i=$1
	shift
	port[i]=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
	"$bin/initdb" -D "$work/$i" -A trust -U postgres --no-sync --locale=C.UTF-8 >/dev/null
	cat >>"$work/$i/postgresql.conf" <<-CONF
		port = ${port[i]}
		listen_addresses = '127.0.0.1'
		unix_socket_directories = '$work'
		fsync = off
		shared_buffers = 64MB
		max_prepared_transactions = 50
		shared_preload_libraries = 'citus'
		citus.enable_statistics_collection = off
	CONF
	printf '%s\n' "$@" >>"$work/$i/postgresql.conf"
	"$bin/pg_ctl" -D "$work/$i" -l "$work/$i.log" -w start >/dev/null
}

make_ledgers()
{
	local i
	for i in 0 1 2; do
		make_server $i "citus.recover_2pc_interval = '2s'" 'wal_level = logical'
		"$bin/psql" -Xq -h 127.0.0.1 -p "${port[i]}" -U postgres -d postgres -c 'CREATE DATABASE ledger'
		ask $i 'CREATE EXTENSION citus'
	done
	ask 0 "SELECT citus_set_coordinator_host('127.0.0.1', ${port[0]})" "SELECT citus_add_node('127.0.0.1', ${port[1]}), citus_add_node('127.0.0.1', ${port[2]})" >/dev/null
}

ask()
{
	local node=$1 sql=()
	shift
	for s; do sql+=(-c "$s"); done
	"$bin/psql" -XqAt -h 127.0.0.1 -p "${port[node]}" -U postgres -d ledger -v ON_ERROR_STOP=1 "${sql[@]}" 2>&1
}

# check NAME EXPECTED FOUND
check()
{
	if [[ $3 == "$2" ]]; then
		passed=$((passed + 1))
		echo "ok: $1"
	else
		failed=$((failed + 1))
		printf 'not ok: %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
	fi
}

# matches NAME PART FOUND
matches()
{
	if [[ $3 == *"$2"* ]]; then check "$1" x x; else check "$1" "...$2..." "$3"; fi
}

columns='txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, policy_no, currency, gross_amount, tabarru_amount, tanahud_amount, investment_amount, ujroh_amount'
load()
{
	local i entity
	ask 0 "SELECT acct.generate_sample_transactions('$1', 2000)" >/dev/null
	for i in 1 2; do
		entity=$([ $i = 1 ] && echo MAIN || echo SYARIAH)
		ask $i "SELECT FROM acct.rotate_txn_source_partitions(0, '$1')" >/dev/null
		ask 0 "COPY (SELECT $columns FROM acct.txn_source_parent WHERE txn_month = '$1' AND entity_code = '$entity') TO STDOUT" >"$work/load"
		ask $i "COPY acct.txn_source_parent ($columns) FROM STDIN" <"$work/load"
	done
}

conclude()
{
	echo "$passed passed, $failed failed, 0 skipped"
	[ $failed = 0 ]
}

if [ ! -f "$("$config" --sharedir)/extension/citus.control" ]; then
	echo "skipped: citus.control is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
bin=$("$config" --bindir)
work=$(mktemp -d)
trap remove_servers EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
