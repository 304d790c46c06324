# shellcheck shell=bash
# Functions that the scripts in bench/ share: a private server with the settings of a measurement, a shape's policy and
# transactions, timed sessions, their memory, medians.  Source it from bash, after scripts/lib.sh.
#
#	bench_server MB              builds, installs and starts; MB of WAL files are made before anything is measured
#	bench_policy SHAPE           database "policy": the extension, the shape's templates, the month's partition
#	bench_transactions SEED FROM TO FILE   the shape's transactions as CSV
#	run_sql, run_file, run_files a timed session (or several at once): $elapsed ms, $peak MB, output()

# LE_TOP, LE_WORK, LE_SRC and more are scripts/lib.sh's; what is set here is read by the scripts.
# shellcheck disable=SC2034

BENCH_SHAPES="sample lines4 lines8 lines24 arithmetic rules50 rules5000"
BENCH_OPTIONS="-c client_min_messages=warning -c jit=off -c work_mem=256MB -c maintenance_work_mem=256MB"
BENCH_SERIAL="-c max_parallel_workers_per_gather=0 -c max_parallel_maintenance_workers=0"
BENCH_PARALLEL="-c max_parallel_workers_per_gather=2 -c max_parallel_maintenance_workers=2"
month=2025-01-01

# The comment at the head of the script.
bench_help()
{
	sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

bench_require_number() # OPTION VALUE
{
	[[ $2 =~ ^[1-9][0-9]{0,8}$ ]] || le_die "$1 needs a number of at least 1"
}

bench_require_shape() # NAME
{
	[[ " $BENCH_SHAPES " == *" $1 "* ]] || le_die "no shape $1" "shapes: $BENCH_SHAPES"
}

# Where results go: $csv as given, or a name made of the date.  Call it before le_workdir, which leaves the directory.
bench_result_file() # KIND
{
	[ -n "$csv" ] || csv=$LE_TOP/bench/results/$(date +%Y%m%d-%H%M%S)-$1.csv
	[[ $csv == /* ]] || csv=$PWD/$csv
	mkdir -p "${csv%/*}"
}

# Ticks of the server's processes and of those that ended, in ms.
processor_time()
{
	local postmaster children pid
	postmaster=$(head -n 1 "$LE_WORK/data/postmaster.pid")
	read -r children <"/proc/$postmaster/task/$postmaster/children" || true
	for pid in $postmaster $children; do
		cut -d ' ' -f "14-$([ "$pid" = "$postmaster" ] && echo 17 || echo 15)" "/proc/$pid/stat" 2>/dev/null || true
	done | awk -v hz="$(getconf CLK_TCK)" '{ for (i = 1; i <= NF; i++) n += $i } END { print int(n * 1000 / hz) }'
}

quiet() # LOG COMMAND...: the command's output is shown only if it fails
{
	local log=$LE_WORK/log/$1 rc=0
	le_ticker_on "$1"
	shift
	"$@" >"$log" 2>&1 || rc=$?
	le_ticker_off
	[ $rc = 0 ] || {
		tail -n 40 "$log" >&2
		le_die "failed: $*"
	}
}

# Prints what a query returns, unaligned.
query() # DATABASE SQL
{
	as_user psql -X -q -v ON_ERROR_STOP=1 -d "$1" -At -F '|' -c "$2" </dev/null
}

# Says how long a script takes, as a sum of minutes on two idle processors.
bench_takes() # MINUTES
{
	local minutes
	minutes=$(awk "BEGIN { printf \"%d\", $1 + 0.99 }")
	le_say "takes roughly $minutes $([ "$minutes" = 1 ] && echo minute || echo minutes) on two idle processors"
}

bench_server() # MEGABYTES of WAL files to have at hand
{
	local buffers wal=$1 max free
	le_need make gcc
	# The log is there once, and each copy of the transactions, of staging and of the ledger.
	le_workdir $((1000 + (wal < 8192 ? wal : 8192) + wal * 9 / 20))
	le_copy_source
	le_say "$("$PG_CONFIG" --version)"
	le_private_server
	le_say "building and installing"
	quiet build le_build
	quiet install le_install
	buffers=$(($(le_memory) / 1048576 / 6))
	[ $buffers -le 2048 ] || buffers=2048
	[ $buffers -ge 32 ] || buffers=32
	# A checkpoint for want of WAL would fall on whoever is running: none should come, if the disk allows.
	free=$(($(df -k --output=avail "$LE_WORK" | tail -n 1) / 1024))
	max=32768
	[ $max -le $((free / 4)) ] || max=$((free / 4))
	[ "$wal" -ge 256 ] || wal=256
	[ "$wal" -le 8192 ] || wal=8192
	[ "$wal" -le $max ] || wal=$max
	le_start_cluster <<-END
		shared_buffers = ${buffers}MB
		min_wal_size = ${wal}MB
		max_wal_size = ${max}MB
		checkpoint_timeout = 1h
		wal_level = replica
		fsync = on
		full_page_writes = on
		synchronous_commit = on
		autovacuum = off
	END
	export PGOPTIONS="$BENCH_OPTIONS $BENCH_SERIAL"
	# A server that has run for a while writes into WAL files that are there: make them, so that no step has to.
	le_say "making WAL files"
	le_ticker_on "WAL files"
	query postgres "SELECT count(pg_logical_emit_message(false, 'bench', repeat('x', 1000000)))
		FROM generate_series(1, $wal * 7 / 8)" >/dev/null
	query postgres "SELECT pg_switch_wal()" >/dev/null
	query postgres "CHECKPOINT"
	le_ticker_off
}

# Database "policy".
bench_policy() # SHAPE
{
	query postgres "CREATE DATABASE policy" >/dev/null
	query policy "CREATE EXTENSION ledger_engine" >/dev/null
	query policy "SELECT acct.install()" >/dev/null
	quiet policy le_psql -d policy -f "$LE_SRC/bench/shape_$1.sql"
	query policy "SELECT acct.rotate_txn_source_partitions(0, '$month')" >/dev/null
}

# The shape's transactions of the month, number FROM to TO, to a CSV file with a header.  In parts, and straight to the file:
# nothing is gathered in memory or in temporary files.
bench_transactions() # SEED FROM TO FILE
{
	local seed=$1 from=$2 to=$3 file=$4 last header=true part=500000
	le_ticker_on "transactions $from to $to"
	: | as_user tee "$file" >/dev/null
	for (( ; from <= to; from = last + 1)); do
		last=$((from + part - 1))
		[ $last -le "$to" ] || last=$to
		as_user psql -X -q -v ON_ERROR_STOP=1 -d policy </dev/null -c "COPY (SELECT * FROM bench.transactions('$month', $from, $last, $seed))
			TO STDOUT WITH (FORMAT csv, HEADER $header)" | as_user tee -a "$file" >/dev/null || le_die "no transactions"
		header=false
	done
	le_ticker_off
	columns=$(head -n 1 "$file")
}

# The highest sum of RssAnon, in kB, of the server's processes that were not there before: sessions and their workers.
# They come and go, so it is looked up who there is.  PATTERN: other processes, whose command line begins with it.
watch_memory() # RESULT
{
	local postmaster children pid sum peak=0 old name value rest
	postmaster=$(head -n 1 "$LE_WORK/data/postmaster.pid")
	read -r old <"/proc/$postmaster/task/$postmaster/children" || true
	old=" $old "
	while [ ! -e "$1.stop" ]; do
		sum=0
		children=
		read -r children <"/proc/$postmaster/task/$postmaster/children" || true
		for pid in $children; do
			[[ $old != *" $pid "* ]] || continue
			while read -r name value rest; do
				if [ "$name" = RssAnon: ]; then
					sum=$((sum + value))
					break
				fi
			done 2>/dev/null <"/proc/$pid/status" || true
		done 2>/dev/null
		if [ $sum -gt $peak ]; then
			peak=$sum
			echo $peak >"$1"
		fi
		sleep 0.04
	done
}

# Runs files of SQL at the same time, each in a session of its own.  Their wall time in the server, from the first statement
# of the first to the end of the last (commit included), is in $elapsed, in ms, and $elapsed_us; what they printed in
# $LE_WORK/log/output.N; the peak of the memory of their processes in $peak, in MB.  A file may write the time, in microseconds,
# to :log/mark: after_mark() says how long it went on.
elapsed=
elapsed_us=
peak=
run_files() # DATABASE "psql options" FILE...
{
	local database=$1 options=$2 n=0 file watcher failed=
	shift 2
	rm -f "$LE_WORK"/log/{start,output,end}.* "$LE_WORK/log/mark"
	for file in "$@"; do
		n=$((n + 1))
		printf '%s\n' "\\set session $n" '\pset tuples_only on' '\pset format unaligned' '\pset fieldsep |' \
			"\\o $LE_WORK/log/start.$n" "SELECT round(1000000 * extract(epoch FROM clock_timestamp()));" \
			"\\o $LE_WORK/log/output.$n" "\\i $file" "\\o $LE_WORK/log/end.$n" \
			"SELECT round(1000000 * extract(epoch FROM clock_timestamp()));" | as_user tee "$LE_WORK/log/wrapper.$n" >/dev/null
	done
	rm -f "$LE_WORK/log/peak" "$LE_WORK/log/peak.stop"
	watch_memory "$LE_WORK/log/peak" &
	watcher=$!
	le_ticker_on "database $database"
	# shellcheck disable=SC2016 # the inner shell expands these
	le_run bash -c '
		rc=0
		for ((i = 1; i <= $2; i++)); do
			psql -X -q -v ON_ERROR_STOP=1 -v log="$3" -d "$1" $4 -f "$3/wrapper.$i" &
			pids[i]=$!
		done
		for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
		exit $rc' bash "$database" $n "$LE_WORK/log" "$options" || failed=1
	touch "$LE_WORK/log/peak.stop"
	wait "$watcher" || true
	le_ticker_off
	[ -z "$failed" ] || le_die "failed in database $database: $*"
	elapsed_us=$(($(cat "$LE_WORK"/log/end.* | sort -n | tail -n 1) - $(cat "$LE_WORK"/log/start.* | sort -n | head -n 1)))
	elapsed=$(((elapsed_us + 500) / 1000))
	peak=$(($(cat "$LE_WORK/log/peak" 2>/dev/null || echo 0) / 1024))
}

after_mark()
{
	echo $((($(cat "$LE_WORK/log/end.1") - $(cat "$LE_WORK/log/mark")) / 1000))
}

run_file() # DATABASE FILE ["psql options"]
{
	run_files "$1" "${3:-}" "$2"
}

run_sql() # DATABASE SQL
{
	printf '%s\n' "$2" | as_user tee "$LE_WORK/log/statement" >/dev/null
	run_files "$1" "" "$LE_WORK/log/statement"
}

output()
{
	cat "$LE_WORK/log/output.1"
}

# Has the kernel's cache fill the memory that is free, as it does on a server that has run for a while: a virtual machine may
# have to ask its host for each page that nobody used lately, which takes longer than anything that is measured here.
fill_memory()
{
	local file=$LE_WORK/holes mb=0 total
	le_ticker_on "filling the kernel's cache"
	total=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
	[ -e "$file" ] || truncate -s "${total}M" "$file"
	# what was read before and is still there costs next to nothing
	while [ $mb -lt "$total" ] && [ "$(awk '/^MemFree:/ { print int($2 / 1024) }' /proc/meminfo)" -gt 1024 ]; do
		dd if="$file" of=/dev/null bs=1M skip=$mb count=512 status=none
		mb=$((mb + 512))
	done
	le_ticker_off
}

# What is written before a measurement is not to be written during it.
settle() # DATABASE
{
	query "$1" "SELECT count(*) FROM acct.txn_source_parent" >/dev/null
	query "$1" "CHECKPOINT"
	fill_memory
}

copy_database() # FROM TO
{
	le_watched "copying database $1" query postgres "CREATE DATABASE $2 TEMPLATE $1 STRATEGY FILE_COPY" >/dev/null
}

drop_database()
{
	query postgres "DROP DATABASE IF EXISTS $1" >/dev/null
}

load() # DATABASE CSV
{
	run_sql "$1" "\\copy acct.txn_source_parent($columns) FROM '$2' WITH (FORMAT csv, HEADER MATCH)"
}

# Loads and posts transactions number FROM to TO of the month; SQL runs in between.
book() # DATABASE FROM TO [SQL]
{
	local run
	bench_transactions 42 "$2" "$3" "$LE_WORK/transactions.csv"
	load "$1" "$LE_WORK/transactions.csv"
	rm -f "$LE_WORK/transactions.csv"
	[ -z "${4:-}" ] || query "$1" "$4" >/dev/null
	le_ticker_on "posting transactions $2 to $3"
	run=$(query "$1" "SELECT acct.create_run('$month')")
	query "$1" "SELECT acct.expand_journals($run)" >/dev/null
	query "$1" "SELECT acct.post_journals($run)" >/dev/null
	le_ticker_off
}

# Fills the ledger of a month until it holds so many lines; says how many transactions that took, in $booked.
booked=0
fill() # DATABASE LINES
{
	local lines=0 step=1000000
	booked=0
	while [ "$lines" -lt "$2" ]; do
		# shapes differ in lines a transaction: the first step is small, and tells
		if [ "$lines" = 0 ]; then
			step=1000
		else
			step=$((($2 - lines) * booked / lines + 1))
			[ $step -le 1000000 ] || step=1000000
		fi
		book "$1" $((booked + 1)) $((booked + step))
		booked=$((booked + step))
		lines=$(query "$1" "SELECT coalesce(sum(lines), 0) FROM (SELECT rows AS lines FROM acct.run_log WHERE step = 'post') AS x")
	done
	query "$1" "VACUUM ANALYZE"
	query "$1" "CHECKPOINT"
}

# Has the engine this setting?
has_setting() # DATABASE NAME
{
	# a setting is known once the library is there
	[ "$(query "$1" "LOAD 'ledger_engine'; SELECT count(*) FROM pg_settings WHERE name = '$2'")" = 1 ]
}

# Medians and ratios of numbers, one after the other.
median() # NUMBERS...
{
	printf '%s\n' "$@" | sort -n | awk '{ t[NR] = $1 } END { print (NR > 0) ? (t[int((NR + 1) / 2)] + t[int(NR / 2) + 1]) / 2 : 0 }'
}

best() # NUMBERS...
{
	printf '%s\n' "$@" | sort -n | head -n 1
}

quotient() # A B
{
	awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }'
}

print_settings()
{
	local name
	for name in shared_buffers wal_level fsync full_page_writes synchronous_commit min_wal_size max_wal_size work_mem \
		maintenance_work_mem jit autovacuum; do
		printf '%s = %s; ' "$name" "$(query postgres "SHOW $name")"
	done
	echo
}

# What the machine's memory is used for.
print_memory()
{
	awk '/^(MemTotal|MemFree|MemAvailable|Buffers|Cached|Dirty|Writeback|SwapFree):/ { printf "%s %d MB  ", $1, $2 / 1024 }
		END { print "" }' /proc/meminfo
}

# Python with the pinned packages, in $bench_python; or the reason why there is none in $bench_no_python.  BENCH_VENV in the
# environment is where it is kept for the next time; else it is made in the work directory.
bench_python=
bench_no_python=
bench_venv()
{
	local venv=${BENCH_VENV:-$LE_WORK/venv} python wanted
	wanted=$(cksum <"$LE_SRC/bench/requirements.txt")
	[ -z "${BENCH_VENV:-}" ] || le_say "Python packages are kept in $BENCH_VENV"
	if [ "$(cat "$venv/bench-requirements" 2>/dev/null)" != "$wanted" ]; then
		for python in /usr/bin/python3 "$(command -v python3 || true)"; do
			as_user "$python" -c 'import ensurepip, venv' 2>/dev/null && break
			python=
		done
		if [ -z "$python" ]; then
			le_apt_install python3-venv >/dev/null 2>&1 && python=/usr/bin/python3
		fi
		if [ -z "$python" ]; then
			bench_no_python="there is no python3 with venv"
			return 0
		fi
		# a directory of the caller's is the caller's to write
		local as=(as_user)
		[ -z "${BENCH_VENV:-}" ] || as=(env)
		le_say "installing the packages of Python"
		le_ticker_on "pip"
		if ! "${as[@]}" "$python" -m venv --clear "$venv" >"$LE_WORK/log/venv" 2>&1 ||
			! "${as[@]}" "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input \
				-r "$LE_SRC/bench/requirements.txt" >"$LE_WORK/log/venv" 2>&1; then
			le_ticker_off
			bench_no_python="pip could not install: $(tail -n 1 "$LE_WORK/log/venv")"
			return 0
		fi
		le_ticker_off
		echo "$wanted" | "${as[@]}" tee "$venv/bench-requirements" >/dev/null
	fi
	if ! as_user "$venv/bin/python" -c 'import polars, duckdb, psycopg, pyarrow' 2>"$LE_WORK/log/venv"; then
		bench_no_python="its packages cannot be used: $(tail -n 1 "$LE_WORK/log/venv")"
		return 0
	fi
	bench_python=$venv/bin/python
}
