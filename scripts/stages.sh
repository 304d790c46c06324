# shellcheck shell=bash disable=SC2034 # what lib.sh and the scripts use
# Stages of tests for scripts/check and scripts/check-sanitized: what a stage is, how stages run side by side, how their results are
# counted and shown.  Source it from bash, after lib.sh.
#
# A script declares stages and runs some of them:
#
#	stage NAME WHEN BUILD TOOL COMMAND...   a stage, and the sets that it belongs to (letters, for the script); w: it waits
#	                                        most of the time
#	run_stages NAME...                      runs these, $jobs at a time, begins with the first ones, and one that waits in addition
#	finish                                  prints the table of stages, what failed, and the totals, and ends the script
#
# A stage is a process of its own, with a directory of its own ($LE_WORK/stages/NAME), a copy of the tree that was built as BUILD
# says, and, if it wants one, a cluster of its own.  So no stage sees another one, and each can be repeated alone.  BUILD is a
# stage build/BUILD, which runs first and calls build_with with the arguments of make, or - for none.  TOOL is what le_try() must have
# for the stage, or -.
#
# The command counts its results with one of the functions test_*, each of which knows one kind of output.

# PostgreSQL's own headers and idioms are why two of -Wextra's warnings are off
strict='-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror'
limit=1800 # seconds, for each stage
jobs=$(($(nproc) + 1)) # many stages wait now and then: for a server to start, for a session to be killed
[ "$jobs" -le 6 ] || jobs=6
again=()      # the command that repeats a stage: its name follows
kept_logs=    # directory where the logs of failed stages stay
passed=0      # in a stage's process these are the stage's, otherwise everything's
failed=0
skipped=0
reason=       # why a stage failed or skipped something, in a few words
finished=
said=0        # when progress was last printed, in seconds

stage_names=()
declare -A stage_when stage_build stage_tool stage_command stage_pid stage_began stage_seconds stage_cpu stage_result=()

# Settings that take the paths that small tests do not take by themselves, and that take none of those that they do.
with_workers="-c ledger_engine.run_partition_min_transactions=0 -c min_parallel_table_scan_size=0"
row_by_row="-c ledger_engine.run_partition_min_transactions=-1 -c ledger_engine.direct_write=off -c ledger_engine.bulk_index=off -c ledger_engine.staging_table_min_transactions=0"

stage() # NAME WHEN BUILD TOOL COMMAND...
{
	local name=$1
	stage_names+=("$name")
	stage_when[$name]=$2
	stage_build[$name]=${3#-}
	stage_tool[$name]=${4#-}
	shift 4
	stage_command[$name]=$(printf '%q ' "$@")
}

# Prints the stages of a set; a digit is a part of a larger set.
stages_of() # LETTERS
{
	local name
	for name in "${stage_names[@]}"; do
		[[ ${stage_when[$name]} != *[$1]* ]] || echo "$name"
	done
}

# Prints the stages that a list of names means, each of which is a stage, or the first part of several of the set (tap:
# tap/001_crash, ...).
stages_named() # LETTERS NAME,NAME...
{
	local wanted name found
	for wanted in ${2//,/ }; do
		found=
		for name in "${stage_names[@]}"; do
			if [[ $name == "$wanted" || $name == "$wanted"/* && ${stage_when[$name]} == *[$1]* ]]; then
				echo "$name"
				found=1
			fi
		done
		[ -n "$found" ] || return 1
	done
}

# The runner

# Runs these stages, and the builds that they need, and prints how each went when it ends.
run_stages() # NAME...
{
	local name build pending=() running=() rest ready waiting
	LE_SYSTEM_PG=${LE_SYSTEM_PG:-$PG_CONFIG}
	for name in "$@"; do
		build=${stage_build[$name]:+build/${stage_build[$name]}}
		if [ -n "$build" ] && [[ " ${pending[*]-} $* " != *" $build "* ]]; then
			pending+=("$build")
		fi
	done
	pending+=("$@")
	while [ ${#pending[@]} -gt 0 ] || [ ${#running[@]} -gt 0 ]; do
		rest=()
		for name in ${running[@]+"${running[@]}"}; do
			if ! kill -0 "${stage_pid[$name]}" 2>/dev/null; then
				stage_ends "$name"
			else
				rest+=("$name")
			fi
		done
		running=(${rest[@]+"${rest[@]}"})
		waiting=0
		for name in ${running[@]+"${running[@]}"}; do
			[[ ${stage_when[$name]} != *w* ]] || waiting=$((waiting + 1))
		done
		rest=()
		for name in ${pending[@]+"${pending[@]}"}; do
			build=${stage_build[$name]}
			# Stages wait for a free place, and for their build.
			ready=1
			if [[ ${stage_when[$name]} == *w* ]]; then
				[ $waiting = 0 ] || ready=
			else
				[ $((${#running[@]} - waiting)) -lt "$jobs" ] || ready=
			fi
			[ -z "$build" ] || [ -n "${stage_result[build/$build]-}" ] || ready=
			if [ -z "$ready" ]; then
				rest+=("$name")
			elif [ -n "$build" ] && [[ ${stage_result[build/$build]} != "1 0 0"* ]]; then
				stage_is_left_out "$name" "its build failed"
			elif [ -n "${stage_tool[$name]}" ] && ! le_try "${stage_tool[$name]}"; then
				stage_is_left_out "$name" "no package has ${stage_tool[$name]}"
			else
				stage_begins "$name"
				running+=("$name")
				[[ ${stage_when[$name]} != *w* ]] || waiting=$((waiting + 1))
			fi
		done
		pending=(${rest[@]+"${rest[@]}"})
		show_progress ${running[@]+"${running[@]}"}
		sleep 0.1
	done
}

stage_begins() # NAME
{
	local dir=$LE_WORK/stages/$1
	as_user mkdir -p "$dir/log" "$dir/s"
	stage_began[$1]=$SECONDS
	stage_process "$1" "$dir" >"$dir/output" 2>&1 </dev/null &
	stage_pid[$1]=$!
}

stage_ends() # NAME
{
	local dir=$LE_WORK/stages/$1
	wait "${stage_pid[$1]}" || true
	stage_seconds[$1]=$((SECONDS - stage_began[$1]))
	stage_cpu[$1]=$(awk '{ s += $1 } END { print int(s + 0.5) }' "$dir/times" 2>/dev/null || true)
	cat "$dir/output"
	count_stage "$1" "$(cat "$dir/result" || echo "0 1 0 the process of the stage was killed")"
	# What a stage that passed leaves would be gigabytes at the end.
	if [ -z "$LE_KEEP" ]; then
		rm -rf "$dir/data" "$dir/src"
	fi
}

stage_is_left_out() # NAME REASON
{
	stage_seconds[$1]=0
	count_stage "$1" "0 0 1 $2"
}

count_stage() # NAME "PASSED FAILED SKIPPED REASON"
{
	local p f s why
	stage_result[$1]=$2
	read -r p f s why <<<"$2"
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	le_say "$1: $p passed, $f failed, $s skipped (${why:+$why; }${stage_seconds[$1]} s)"
}

# Twice a minute, and each second on a terminal, says how far the stages are that take longer.
show_progress() # NAME...
{
	local name line='' every=30
	[ ! -t 1 ] || every=1
	[ $((SECONDS - said)) -ge $every ] || return 0
	said=$SECONDS
	for name in "$@"; do
		[ $((SECONDS - stage_began[$name])) -lt 5 ] || line+="${line:+; }$name $((SECONDS - stage_began[$name])) s$(progress_of "$LE_WORK/stages/$name")"
	done
	if [ -t 1 ]; then
		printf '\r\e[K%.*s\r' "$(($(tput cols 2>/dev/null || echo 80) - 1))" "$line"
	elif [ -n "$line" ]; then
		echo "   … $line"
	fi
}

# What the log of a stage shows so far: its last line of progress, or the number of its results.
progress_of() # DIRECTORY
{
	local log=$1/log/stage counter total ok bad skip
	[ -e "$log" ] || return 0
	if [ -e "$1/counter" ]; then
		read -r counter total <"$1/counter"
		[ "$counter" != count_tap ] || log=$(tap_log "$1/src" "$log")
		read -r ok bad skip <<<"$("$counter" "$log")"
		echo ", $((ok + bad + skip))${total:+ of $total} tests"
	else
		awk '/^progress: / { last = substr($0, 11) } /^ok / { ok++ }
			END { if (last != "" || ok) print ", " (last != "" ? last : ok " tests") }' "$log"
	fi
}

# In the process of a stage

stage_process() # NAME DIRECTORY
{
	LE_CHILD=
	LE_CLUSTER=$2
	LE_LIMIT=$limit
	LE_TIMES=$2/times
	this=$1
	log=$2/log/stage
	passed=0
	failed=0
	skipped=0
	ended=
	trap 'stage_process_ends' EXIT
	trap 'exit 143' TERM
	if [ -n "${stage_build[$this]}" ]; then
		as_user cp -a "$LE_WORK/builds/${stage_build[$this]}/src" "$2/src"
		LE_SRC=$2/src
		le_use_server "$LE_WORK/builds/${stage_build[$this]}/pg"
	fi
	eval "${stage_command[$this]}"
	ended=1
}

# Also where it was interrupted, or failed for itself.
stage_process_ends()
{
	trap - EXIT
	trap '' TERM
	set +e
	le_end_child
	if [ -z "$ended" ]; then
		failed=$((failed + 1))
		reason="the stage broke off${reason:+; $reason}"
	fi
	server_log_is_clean
	add_server_times
	le_stop_servers "$LE_CLUSTER"
	[ "$failed" = 0 ] || keep_logs
	echo "$passed $failed $skipped $reason" >"$LE_CLUSTER/result.new"
	mv "$LE_CLUSTER/result.new" "$LE_CLUSTER/result"
}

# Copies what tells why a stage failed to where it stays, and names that place wherever it is named.
keep_logs()
{
	local to=$kept_logs/$this f
	mkdir -p "$to/src/test" "$to/src/tmp_check"
	for f in log src/tmp_check/log src/test/{sql,specs,expected,results,output_iso,regression.diffs,regression.out}; do
		[ ! -e "$LE_CLUSTER/$f" ] || cp -RL "$LE_CLUSTER/$f" "$to/$f" 2>/dev/null || true
	done
	[ -n "$LE_KEEP" ] || grep -rlIF "$LE_WORK" "$to" "$LE_CLUSTER/output" 2>/dev/null |
		xargs -r sed -i "s|$LE_CLUSTER/src/test/t|$LE_TOP/test/t|g; s|$LE_CLUSTER|$to|g; s|$LE_WORK/builds/[a-z-]*/pg/|/|g; s|$LE_WORK/\(builds/[a-z-]*/\)\{0,1\}src|$LE_TOP|g"
}

# A server that died and came back has failed, and one that warned of what was left behind, whatever the tests say.
server_log_is_clean()
{
	local lines
	local bad='PANIC|TRAP:|runtime error:|AddressSanitizer:|terminated by signal (6|7|8|11):'
	local left='WARNING:  .*( leak:|not closed|still active|seem to remain|problem in alloc set|write past chunk)'
	[ -e "$LE_CLUSTER/log/server" ] || return 0
	lines=$(grep -hE "$bad|$left" "$LE_CLUSTER/log/server" || true)
	if [ -n "$lines" ]; then
		printf '%s\n' "$lines" | head -n 20
		failed=$((failed + 1))
		reason="the server's log has errors${reason:+; $reason}"
	fi
}

# Adds the processor time of the stage's own server, and of its processes that have ended, to that of its commands.
add_server_times()
{
	local pid
	pid=$(head -n 1 "$LE_CLUSTER/data/postmaster.pid" 2>/dev/null) || return 0
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v pid="$pid" -v hz="$(getconf CLK_TCK)" '
		$1 == pid { t += $14 + $15 + $16 + $17 }
		$4 == pid { t += $14 + $15 }
		END { printf "%.2f\n", t / hz }' | as_user tee -a "$LE_TIMES" >/dev/null
}

# Builds and installs what stages share; arguments go to make.
build_with() # MAKE-ARGUMENT...
{
	local dir=$LE_WORK/builds/${this#build/}
	as_user mkdir -p "$dir"
	as_user cp -a "$LE_SRC" "$dir/src"
	LE_SRC=$dir/src
	le_private_server "$dir/pg"
	test_command le_build_and_install COPT="$strict" "$@"
}

# shellcheck disable=SC2317 # called by name
le_build_and_install()
{
	le_build "$@" && le_install "$@"
}

# Runs a stage on a cluster of its own, which has settings for tests. To compile the queries of tests would take longer than they do.
on_server() # COMMAND...
{
	le_start_cluster <<-END
		fsync = off
		jit = off
		max_connections = 100
		max_prepared_transactions = 10
		max_worker_processes = 16
		max_parallel_maintenance_workers = 0
		${server_settings-}
	END
	"$@"
}

# Sets LEDGER_TEMPLATE to a data directory that the clusters of TAP tests are copies of.  Its database ledger_template has the
# extension and the sample.  The first such stage of a build makes it.
with_template() # COMMAND...
{
	local dir=$LE_WORK/builds/${stage_build[$this]} lock
	exec {lock}>>"$dir/template.lock"
	flock "$lock"
	[ -d "$dir/template" ] || make_template "$dir" >"$log" 2>&1 || cat "$log"
	exec {lock}>&-
	[ ! -d "$dir/template" ] || export LEDGER_TEMPLATE=$dir/template
	"$@"
}

# Of the user who runs the tests, as initdb does it there
make_template() # DIRECTORY
{
	local data=$1/template.new
	if [ "$(as_user id -un)" = postgres ]; then
		le_make_data "$data"
	else
		le_run initdb -D "$data" -A trust -N
	fi &&
		le_run pg_ctl -D "$data" -w -t 120 -s -l "$data.log" -o "-c fsync=off -c jit=off -c listen_addresses= -k '$LE_CLUSTER/s'" start &&
		le_run psql -X -q -v ON_ERROR_STOP=1 -h "$LE_CLUSTER/s" -d postgres -c 'CREATE DATABASE ledger_template' \
			-c '\c ledger_template' -c 'CREATE EXTENSION ledger_engine' -c 'SELECT acct.install(), acct.install_takaful_sample()' &&
		le_run pg_ctl -D "$data" -w -t 120 -s -m fast stop && mv "$data" "$1/template"
}

# With queries compiled, as servers do by default
with_jit() # COMMAND...
{
	server_settings="jit = on" "$@"
}

# With queries compiled, but not optimized, as each runs once
with_quick_jit() # COMMAND...
{
	server_settings="jit = on
		jit_inline_above_cost = -1
		jit_optimize_above_cost = -1" "$@"
}

with_options() # PGOPTIONS COMMAND...
{
	export PGOPTIONS=$1
	shift
	"$@"
}

# Runs a command, and says so if it took longer than it may.
in_time() # COMMAND...
{
	local rc=0
	"$@" || rc=$?
	if [ $rc = 124 ] || [ $rc = 137 ]; then
		reason="stopped at the limit of $limit s${reason:+; $reason}"
	fi
	return $rc
}

# Counters: print "passed failed skipped" for a log.

# pg_regress: 15 writes "test x ... ok", 16 and later write TAP. A test that quits early counts as skipped.
count_regress()
{
	awk -v early="$(regress_skips "$1" | wc -l)" '
		/^ok [0-9]+ .*# SKIP/ { skip++; next }
		/^ok [0-9]+ / { ok++; next }
		/^not ok [0-9]+ / { bad++; next }
		/ \.\.\. ok +[0-9]+ ms/ { ok++; next }
		/ \.\.\. failed \(ignored\)/ { skip++; next }
		/ \.\.\. FAILED/ { bad++; next }
		END { print ok - early, bad + 0, skip + early }
	' "$1"
}

# The tests of pg_regress that passed because they quit early, and why: such a test prints "skipped: REASON" before it does.
regress_skips()
{
	local test
	sed -nE 's/^ok [0-9]+ +[-+] ([a-z0-9_]+) .*/\1/p; s/^(test)? +([a-z0-9_]+) +\.\.\. ok .*/\2/p' "$1" | while read -r test; do
		[ ! -f "$LE_SRC/test/results/$test.out" ] || sed -n "s/^skipped: /$test: /p" "$LE_SRC/test/results/$test.out"
	done
}

# "prove -v", and the log of a test, whose lines begin with a time: every assertion at the top level is a test, and so is a file
# that was skipped.
count_tap()
{
	awk '
		{ sub(/^\[[0-9:.]+\]\([0-9.]+s\) /, "") }
		/^[^ ]+ \.+ skipped: / { skip++; next }
		/^(not )?ok [0-9]+.*# *(skip|SKIP|TODO|todo)/ { skip++; next }
		/^ok [0-9]+/ { ok++; next }
		/^not ok [0-9]+/ { bad++; next }
		END { print ok + 0, bad + 0, skip + 0 }
	' "$1"
}

# Prints the name of the log that a test writes, as prove keeps its own output until the end; the second one if there is none.
tap_log() # TREE LOG
{
	local found
	found=$(find "$1/tmp_check/log" -name 'regress_log_*' 2>/dev/null | head -n 1)
	echo "${found:-$2}"
}

# Why TAP tests were skipped, each reason once.
tap_skips()
{
	sed -nE 's/^[^ ]+ \.+ skipped: //p; s/^ok [0-9]+.*# *(skip|SKIP) *//p' "$1" | sort | uniq -c |
		awk '{ n = $1; sub(/^ *[0-9]+ /, ""); printf "   skipped: %s (%d)\n", $0, n }'
}

# One test: passed if the command succeeds.
test_command() # COMMAND...
{
	local rc=0
	in_time "$@" >"$log" 2>&1 || rc=$?
	if [ $rc = 0 ]; then
		passed=$((passed + 1))
	else
		# without the commands that make prints
		grep -vE '^(gcc|clang|rm|make|/bin/[a-z]+|/usr/bin/[a-z]+) |^ *-?[a-z]+[^ ]*\.bc' "$log" | tail -n 60
		failed=$((failed + 1))
		reason=${reason:-"exit status $rc"}
	fi
}

# PGXS's installcheck.
test_installcheck() # COUNTER TESTS MAKE-ARGUMENT...
{
	local counter=$1 rc=0 ok bad skip f
	echo "$counter $2" >"$LE_CLUSTER/counter"
	shift 2
	in_time le_run "${LE_MAKE[@]}" installcheck "$@" >"$log" 2>&1 || rc=$?
	read -r ok bad skip <<<"$("$counter" "$log")"
	if [ "$ok$bad$skip" = 000 ] && [ "$counter" = count_tap ]; then
		read -r ok bad skip <<<"$("$counter" "$(tap_log "$LE_SRC" "$log")")"
	fi
	if grep -q 'TAP tests not enabled' "$log"; then
		skipped=1
		reason="this PostgreSQL was built without TAP tests"
		return 0
	fi
	# what failed without a test to its name
	if [ $rc != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	fi
	[ "$counter" != count_tap ] || tap_skips "$log"
	[ "$counter" != count_regress ] || reason=${reason:-$(regress_skips "$log" | paste -sd ';')}
	if [ "$bad" != 0 ]; then
		grep -vE '^ *$|^ok |(SET|CREATE|DROP|ALTER) ?[A-Z]*$' "$log" | tail -n 60 || true
		while read -r f; do
			echo "-- $f"
			head -n 300 "$f"
		done < <(find "$LE_SRC/test" -name regression.diffs -size +0)
		while read -r f; do
			f=$LE_SRC/tmp_check/log/regress_log_$(basename "$f" .pl)
			[ -f "$f" ] || continue
			echo "-- $f"
			tail -n 40 "$f"
		done < <(sed -n 's/^\([^ ]*\.pl\) *(Wstat:.*/\1/p' "$log")
	fi
	if [ "$ok$bad$skip" = 000 ]; then
		skip=1
		reason="no such tests"
	fi
	passed=$ok
	failed=$bad
	skipped=$skip
}

# A command that ends with a line of totals, and may say why it skipped something.
test_totals() # COMMAND...
{
	local rc=0 last
	in_time le_run env -C "$LE_SRC" "$@" >"$log" 2>&1 || rc=$?
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1 || true)
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		passed=${BASH_REMATCH[1]}
		failed=${BASH_REMATCH[2]}
		skipped=${BASH_REMATCH[3]}
	else
		# It was stopped: what it had finished by then is in its last line of progress, or in a line for each test.
		passed=$(awk '/^progress: [0-9]/ { last = $2 } /^ok / { ok++ } END { print last + ok + 0 }' "$log")
		rc=1
	fi
	if [ $rc != 0 ] && [ "$failed" = 0 ]; then
		failed=1
	fi
	[ "$failed" = 0 ] || tail -n 80 "$log"
	last=$(sed -n 's/^skipped: //p' "$log" | tail -n 1)
	reason=${reason:-$last}
}

# The end

# Prints what became of each stage that ended, and how those that failed are repeated.
show_results()
{
	local name p f s why cpu=0 failures=()
	echo
	printf '%-28s %8s %8s %8s %8s %8s\n' stage passed failed skipped seconds cpu
	for name in "${stage_names[@]}"; do
		[ -n "${stage_result[$name]-}" ] || continue
		read -r p f s why <<<"${stage_result[$name]}"
		printf '%-28s %8d %8d %8d %8d %8d%s\n' "$name" "$p" "$f" "$s" "${stage_seconds[$name]}" "${stage_cpu[$name]:-0}" "${why:+   $why}"
		cpu=$((cpu + ${stage_cpu[$name]:-0}))
		[ "$f" = 0 ] || failures+=("$name")
	done
	printf '%-28s %8d %8d %8d %8d %8d   %d at a time; cpu: seconds of processor time, with the servers\n' total "$passed" "$failed" "$skipped" "$SECONDS" "$cpu" "$jobs"
	if [ ${#failures[@]} -gt 0 ]; then
		printf '\nfailed stages, whose logs are in %s, and how to repeat them:\n' "$kept_logs"
		for name in "${failures[@]}"; do
			echo "  ${again[*]} --only $name"
		done
	fi
	[ -z "$LE_KEEP" ] || printf '\nthe work directory stays: %s\n' "$LE_WORK"
	echo
}

finish()
{
	show_results
	finished=1
	[ "$failed" = 0 ] && [ "$passed" != 0 ] || exit 1
	exit 0
}

# shellcheck disable=SC2317 # called by name
# The last line, whatever ended the script; to be interrupted, or stopped for want of a package, is to fail.
le_at_exit()
{
	if [ -z "$finished" ]; then
		failed=$((failed + 1))
		[ ${#stage_result[@]} = 0 ] || show_results
		[ ! -d "$kept_logs" ] || echo "the logs of interrupted stages are in $kept_logs"
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
}
