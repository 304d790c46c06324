# shellcheck shell=bash
# Stages of tests and their totals, for scripts/check and scripts/check-sanitized.  Source it from bash, after lib.sh.

# PostgreSQL's own headers and idioms are why two of -Wextra's warnings are off
strict='-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror'
passed=0
failed=0
skipped=0
finished=
stage=
began=
limit=(timeout -k 10 1800) # seconds, for each stage

# Settings that take the paths that small tests do not take by themselves, and that take none of those that they do.
with_workers="-c ledger_engine.run_partition_min_transactions=0 -c min_parallel_table_scan_size=0"
row_by_row="-c ledger_engine.run_partition_min_transactions=-1 -c ledger_engine.direct_write=off -c ledger_engine.bulk_index=off"

# The end, when every stage that can be run has been.
finish()
{
	finished=1
	if [ $failed != 0 ] || [ $passed = 0 ]; then
		exit 1
	fi
	exit 0
}

# shellcheck disable=SC2317 # called by name
# The last line, whatever ended the script; to be interrupted, or stopped for want of a package, is to fail.
le_at_exit()
{
	[ -n "$finished" ] || failed=$((failed + 1))
	echo "$passed passed, $failed failed, $skipped skipped"
}

# Counts results, and says how the stage went.
stage_begin()
{
	stage=$1
	began=$SECONDS
	log=$LE_WORK/log/${stage// /_}
	le_say "$stage"
}

stage_end() # PASSED FAILED SKIPPED [REASON]
{
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
	le_say "$stage: $1 passed, $2 failed, $3 skipped (${4:+$4; }$((SECONDS - began)) s)"
}

# One test: passed if the command succeeds.
stage_command()
{
	local rc=0
	"$@" >"$log" 2>&1 || rc=$?
	if [ $rc = 0 ]; then
		stage_end 1 0 0
	else
		tail -n 60 "$log"
		stage_end 0 1 0 "exit status $rc"
	fi
	return $rc
}

# shellcheck disable=SC2317 # called by name
# Prints "passed failed skipped" for pg_regress output: 15 writes "test x ... ok", 16 and later write TAP.
count_regress()
{
	awk '
		/^ok [0-9]+ .*# SKIP/ { skip++; next }
		/^ok [0-9]+ / { ok++; next }
		/^not ok [0-9]+ / { bad++; next }
		/ \.\.\. ok +[0-9]+ ms/ { ok++; next }
		/ \.\.\. failed \(ignored\)/ { skip++; next }
		/ \.\.\. FAILED/ { bad++; next }
		END { print ok + 0, bad + 0, skip + 0 }
	' "$1"
}

# shellcheck disable=SC2317 # called by name
# The same for "prove -v": every assertion at the top level is a test, and so is a file that was skipped.
count_tap()
{
	awk '
		/^[^ ]+ \.+ skipped: / { skip++; next }
		/^(not )?ok [0-9]+.*# *(skip|SKIP|TODO|todo)/ { skip++; next }
		/^ok [0-9]+/ { ok++; next }
		/^not ok [0-9]+/ { bad++; next }
		END { print ok + 0, bad + 0, skip + 0 }
	' "$1"
}

# A stage of PGXS's installcheck: COUNTER MAKE-ARGUMENT...
stage_installcheck()
{
	local counter=$1 rc=0 ok bad skip f
	shift
	le_run "${limit[@]}" "${LE_MAKE[@]}" installcheck "$@" >"$log" 2>&1 || rc=$?
	read -r ok bad skip <<<"$("$counter" "$log")"
	if grep -q 'TAP tests not enabled' "$log"; then
		stage_end 0 0 1 "this PostgreSQL was built without TAP tests"
		return 0
	fi
	# what failed without a test to its name
	if [ $rc != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	fi
	if [ "$bad" != 0 ]; then
		grep -vE '^ *$|^ok |(SET|CREATE|DROP|ALTER) ?[A-Z]*$' "$log" | tail -n 60 || true
		while read -r f; do
			echo "-- ${f#"$LE_SRC"/}"
			head -n 300 "$f"
		done < <(find "$LE_SRC/test" -name regression.diffs -size +0)
		while read -r f; do
			f=$LE_SRC/tmp_check/log/regress_log_$(basename "$f" .pl)
			[ -f "$f" ] || continue
			echo "-- ${f#"$LE_SRC"/}"
			tail -n 40 "$f"
		done < <(sed -n 's/^\([^ ]*\.pl\) *(Wstat:.*/\1/p' "$log")
	fi
	find "$LE_SRC/test" -name regression.diffs -delete
	if [ "$ok$bad$skip" = 000 ]; then
		stage_end 0 0 1 "no such tests"
	else
		stage_end "$ok" "$bad" "$skip"
	fi
}

# A stage whose command ends with a line of totals, and may say why it skipped something.
stage_totals()
{
	local rc=0 last
	le_run "${limit[@]}" env -C "$LE_SRC" "$@" >"$log" 2>&1 || rc=$?
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1 || true)
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		set -- "${BASH_REMATCH[@]:1}"
		if [ $rc != 0 ] && [ "$2" = 0 ]; then
			set -- "$1" 1 "$3"
		fi
	else
		set -- 0 1 0
	fi
	[ "$2" = 0 ] || tail -n 80 "$log"
	stage_end "$1" "$2" "$3" "$(sed -n 's/^skipped: //p' "$log" | tail -n 1)"
}

# A server that died and came back has failed, and one that warned of what was left behind, whatever the tests say.
stage_server_log()
{
	local lines
	local bad='PANIC|TRAP:|runtime error:|AddressSanitizer:|terminated by signal (6|7|8|11):'
	local left='WARNING:  .*( leak:|not closed|still active|seem to remain|problem in alloc set|write past chunk)'
	lines=$(grep -hE "$bad|$left" "$LE_WORK/log/server" || true)
	if [ -n "$lines" ]; then
		printf '%s\n' "$lines" | head -n 20
		stage_end 0 1 0
	else
		stage_end 1 0 0
	fi
}
