# What another session sees of a run, what whoever waits for it is told, and what the server's log and run_log say of it when
# it is done.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', 'max_worker_processes = 16', "log_line_prefix = '%m [%p] '");
make_database($node, 'ledger');
make_database($node, 'other');
$node->safe_psql('ledger', 'SELECT * FROM acct.install_roles(); CREATE ROLE progress_nobody');

sub sql { return $node->safe_psql('ledger', join '; ', @_); }

my $alone = 'SET ledger_engine.max_workers = 0; SET ledger_engine.run_partition_min_transactions = -1';
my $together = 'SET ledger_engine.max_workers = 2; SET ledger_engine.run_partition_min_transactions = 0; SET min_parallel_table_scan_size = 0';

# A template whose transactions take some milliseconds each.
sql(q{
	INSERT INTO acct.journal_template (template_code, description) VALUES ('SLOW', 'Takes its time');
	INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('SLOW', 1, 'SLOW');
	INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
	VALUES ('SLOW', 1, 'DR', '1110', 'OPERATOR',
	        ':gross_amount + 0 * length(regexp_replace(repeat(''a'', 20000 + :txn_id::integer), ''a'', ''b'', ''g''))', false),
	       ('SLOW', 2, 'CR', '1210', 'OPERATOR', NULL, true);
	SELECT acct.submit_template('SLOW', 1);
	CREATE ROLE progress_checker SUPERUSER;
	SET SESSION AUTHORIZATION progress_checker;
	SELECT acct.approve_template('SLOW', 1)});

sub load_slow
{
	my ($month, $rows) = @_;

	sql("SELECT * FROM acct.rotate_txn_source_partitions(0, '$month')",
		qq{INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, ujroh_amount)
		   SELECT i, '$month', '$month', 'SLOW', repeat('P', 100), 'C', i, i FROM generate_series(1, $rows) AS i});
	return;
}

# Waits for a row of run_progress that a condition holds of; the row.
sub seen
{
	my ($what, $condition, $role) = @_;
	my $row = wait_until(
		$what,
		sub {
			return sql($role ? "SET ROLE $role" : 'SELECT',
				"SELECT run_id, step, phase, rows_done, rows_total, unit, percent, rows_per_second > 0, seconds_left >= 0, workers
				   FROM acct.run_progress WHERE $condition") =~ s/^\n//r;
		});
	ok($row, "$what is seen: $row");
	return split /\|/, $row, -1;
}

# It is cancelled, and nothing of it is seen any more.
sub stop
{
	my ($session, $what) = @_;

	sql("SELECT pg_cancel_backend($session->{pid})");
	wait_until("the end of $what", sub { $session->done });
	like($session->error, qr/57014/, "$what was cancelled");
	is(sql('SELECT count(*) FROM acct.run_progress'), 0, "$what is not shown any more");
	$session->finish;
	return;
}

is(sql('SELECT count(*) FROM acct.run_progress'), 0, 'nothing is shown where nothing is done');

#
# Rows, by one process and by several
#
load_slow('2025-02-01', 5000);
my $run = sql("SELECT acct.create_run('2025-02-01', 'slow')");
for my $way ([ 'one process', $alone, 0 ], [ 'processes', $together, 1 ])
{
	my ($name, $settings, $workers) = @$way;
	my $session = start_session($node, 'ledger');

	$session->submit("$settings; SELECT * FROM acct.expand_journals($run)");
	my ($run_id, $step, $phase, $done, $total, $unit, $percent, $rate, $left, $seen) =
	  seen("$name: an expansion", "rows_done > 10 AND rows_done < rows_total AND phase = 'reading source'" . ($workers ? ' AND workers > 0' : ''));
	is("$run_id $step $phase $total $unit $rate $left", "$run expand reading source 5000 transactions t t", "$name: what it does");
	is($percent, sprintf('%.1f', $done / 50), "$name: percent");
	is($seen > 0 ? 1 : 0, $workers, "$name: workers");
	is(sql("SELECT run_key, txn_month, pid = $session->{pid}, started_at <= phase_started_at, seconds_elapsed > 0 FROM acct.run_progress"),
		"slow|2025-02-01|t|t|t", "$name: of which run, by whom");
	seen("$name: more of it", "rows_done > $done");
	is(sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = $session->{pid} AND state = 'active' AND query LIKE '%acct.expand_journals($run)%'"),
		$workers ? 't' : 'f', "$name: workers show the query of their leader");
	is(sql(q{SELECT relid::regclass, command, type, bytes_processed, bytes_total, tuples_processed > 10 FROM pg_stat_progress_copy}),
		'acct.journal_run|||0|0|t', "$name: what the server's own view makes of it");
	is($node->safe_psql('other', 'SELECT count(*) FROM acct.run_progress'), 0, "$name: not seen in another database");
	for my $role ('acct_operator', 'acct_auditor', 'acct_finance')
	{
		my @row = seen("$name: $role", 'rows_done > 0', $role);
		is($row[0], $run, "$name: $role may look");
	}
	fails_with($node, 'ledger', 'SET ROLE progress_nobody; SELECT * FROM acct.run_progress', qr/42501/, "$name: others");
	stop($session, $name);
}
is(sql("SELECT status FROM acct.journal_run WHERE run_id = $run"), 'created', 'nothing is left of what was cancelled');
is(sql("SELECT acct.discard_run($run)"), 't', 'discarded');

#
# Posting: waits are seen, also behind subtransactions that are rolled back
#
load_batch($node, 'ledger', 3000, 42);
is(sql("$together; SELECT count(*) FROM acct.expand_journals(acct.create_run('2025-01-01', E'jan\\n1'))"), 1, 'expanded');
$run = sql(q{SELECT run_id FROM acct.journal_run WHERE status = 'expanded'});
sql(q{SELECT * FROM acct.rotate_ledger_partitions(0, '2025-01-01')});
my $book = hold_lock($node, 'ledger', "INSERT INTO acct.ledger_book VALUES ('MAIN', 'PRIMARY'); SELECT 1");
my $poster = start_session($node, 'ledger');
$poster->submit("$together; SELECT * FROM acct.post_journals($run)");
my @row = seen('a posting that waits for its book', q{step = 'post' AND phase = 'waiting for books'});
is(join('|', @row[ 3 .. 8 ]), '|||||', 'a phase without rows has no figures');
stop($poster, 'a posting');
$book->finish;

# A step whose error is caught, in a transaction that goes on, is not shown either.
my $close = "INSERT INTO acct.accounting_period SELECT DISTINCT entity_code, basis, je_month, false FROM acct.journal_run_total WHERE run_id = $run";
is( sql(qq{
	BEGIN;
	$close;
	DO \$\$
	BEGIN
		PERFORM acct.post_journals($run);
	EXCEPTION WHEN SQLSTATE 'LE006' THEN
		NULL;
	END
	\$\$;
	SELECT pg_stat_clear_snapshot();
	SELECT count(*) FROM acct.run_progress;
	ROLLBACK}) =~ s/^\n//r, 0, 'what failed is not shown, though its transaction goes on');

my $reader = hold_lock($node, 'ledger', 'SELECT count(*) FROM acct.ledger_entry_line');
$poster = start_session($node, 'ledger');
$poster->submit("$together; SELECT * FROM acct.post_journals($run)");
seen('a posting that waits for a reader', q{phase = 'waiting for readers' AND clock_timestamp() - phase_started_at > interval '0.4 seconds'});
$reader->finish;
wait_until('the posting', sub { $poster->done });
is($poster->error, '', 'posted');
is(sql('SELECT count(*) FROM acct.run_progress'), 0, 'what is done is not shown');
$poster->submit('SELECT count(*) FROM pg_stat_progress_copy');
wait_until('a query', sub { $poster->done });
is($poster->output, "0\n", 'not in the session itself either');
$poster->finish;

#
# Logs
#
my $ms = qr/\d+(?:\.\d+)?/;
is(sql("SELECT string_agg(DISTINCT step, ' ' ORDER BY step) FROM acct.run_log WHERE run_id = $run"), 'create expand post', 'each step is in the log');
is( sql("SELECT step, (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(detail -> 'phases_ms') AS k) FROM acct.run_log WHERE run_id = $run AND partition ~ '2025_01' ORDER BY log_id"),
	join("\n", 'expand|attaching staging, preparing, reading policy, reading source, recording totals',
		'post|building indexes, checking source, making partitions, moving balances, preparing, waiting for books, waiting for readers, writing entries'),
	'where the time went');
my $has_proc = -e '/proc/self/status' ? 't' : 'f';
is(sql("SELECT bool_and((peak_memory BETWEEN 100000 AND 1000000000) IS TRUE) FROM acct.run_log WHERE run_id = $run"), $has_proc, 'the peak of memory');
is(sql("SELECT g.exceptions = x.reasons FROM acct.run_log g, (SELECT jsonb_object_agg(reason, n) AS reasons
	FROM (SELECT reason, count(*) AS n FROM acct.je_exception WHERE run_id = $run GROUP BY reason) AS e) AS x
	WHERE g.run_id = $run AND g.step = 'expand'"), 't', 'exceptions by reason');

change_tax($node, 'ledger', '2025-01-01', 0.06);
my %phases = (
	correct_run => 'attaching staging, checking journals, checking lines, preparing, reading policy, reading source, recording totals, writing entries',
	reverse_run => 'attaching staging, preparing, reading source, recording totals, writing entries');
for my $call (sort keys %phases)
{
	my $other = sql("SELECT acct.$call($run, '2025-03-31', 'Wrong')");
	sql("$together; SELECT * FROM acct.expand_journals($other)");
	is(sql("SELECT DISTINCT (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(detail -> 'phases_ms') AS k) FROM acct.run_log WHERE run_id = $other AND step = 'expand'"),
		$phases{$call}, "$call: where the time went");
	sql("SELECT acct.discard_run($other)");
}

sub log_lines { return join "\n", slurp_file($node->logfile) =~ /LOG:  (ledger_engine: .*)/g; }

my $counts = sql("SELECT format('%s transactions, %s journals, %s lines, %s exceptions, debit %s', transactions, journals, lines, exceptions, trim_scale(debit))
	FROM acct.journal_run WHERE run_id = $run");
like(log_lines(), qr{\Aledger_engine: run $run \(key "jan\\n1"\) of 2025-01 posted: \Q$counts\E, expand \d+ ms, post \d+ ms, \d+ transactions/s\z},
	'one line in the log of the server');
# Nothing of a posting that is rolled back, with its transaction or a savepoint.
load_batch($node, 'ledger', 100, 43);
sql("BEGIN; SELECT * FROM acct.run_month('2025-01-01', 'back'); ROLLBACK");
sql("BEGIN; SAVEPOINT a; SELECT * FROM acct.run_month('2025-01-01', 'back'); ROLLBACK TO a; COMMIT");
unlike(log_lines(), qr/"back"/, 'no line of what is rolled back');
sql("BEGIN; SAVEPOINT a; SELECT * FROM acct.run_month('2025-01-01', 'kept'); RELEASE a; COMMIT");
like(log_lines(), qr/\n.*\(key "kept"\)[^\n]*\z/, 'a line of what a savepoint kept');

#
# Notices
#
load_batch($node, 'ledger', 20000, 44);
sub notices
{
	my ($sql) = @_;
	my ($rc, undef, $stderr) = $node->psql('ledger', $sql);

	is($rc, 0, "done: $sql");
	return $stderr;
}
is(notices("$together; SELECT acct.create_run('2025-01-01', 'told')"), '', 'no notices where none are asked for');
$run = sql("SELECT run_id FROM acct.journal_run WHERE run_key = 'told'");
my $figures = qr{\(\d+ %\), \d+/s, \d+ s left};
like(notices("SET ledger_engine.progress_interval = 1; $alone; SELECT count(*) FROM acct.expand_journals($run)"),
	qr{NOTICE:  run $run: expand, \d+ of 20000 transactions \(\d+ %\), \d+/s, \d+ s left\n}, 'notices of an expansion');
like(notices("SET ledger_engine.progress_interval = '1ms'; $together; SELECT count(*) FROM acct.validate_run($run)"),
	qr/NOTICE:  run $run: validate, \d+ of \d+ lines $figures\n/, 'of a validation');
like(notices("SET ledger_engine.progress_interval = 1; $together; SELECT count(*) FROM acct.post_journals($run)"),
	qr/NOTICE:  run $run: post, making partitions\n(?s:.*)NOTICE:  run $run: post, \d+ of \d+ journals and lines $figures\n/, 'of a posting');
is(broken_invariants($node, 'ledger'), '', 'all invariants hold');

#
# Where the server is told not to track what sessions do, there is nothing to see, and nothing else is different.
#
load_batch($node, 'ledger', 100, 45);
is(sql('SET track_activities = off', "SELECT string_agg(step, ' ') FROM acct.run_month('2025-01-01', 'untracked')"), 'create expand validate post', 'without track_activities');

$node->stop;
done_testing();
