# A streaming standby has the same ledger; promoted in the middle of an expansion or a post it has nothing of it, and goes on
# from there.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 5_000;
my $lost = qr/LE002: run \d+ is expanded, but its staging was lost in a crash\nHINT:  Call acct\.expand_journals\(\) again\./;

# The standby compares each page that it replays with the primary's.
my $primary = new_node('primary', { allows_streaming => 1 }, 'wal_consistency_checking = all', 'max_wal_size = 1GB', 'wal_keep_size = 1GB');
$primary->backup('backup');
my ($standby, $other) = map { PostgreSQL::Test::Cluster->new($_) } 'standby', 'other';
for ($standby, $other)
{
	$_->init_from_backup($primary, 'backup', has_streaming => 1);
	$_->start;
}

sub on_primary { return $primary->safe_psql('postgres', $_[0]); }

sub on_standby { return $standby->safe_psql('postgres', $_[0]); }

my $runs = q{SELECT run_id, run_key, status, transactions, journals, lines, exceptions, ignored, debit, credit, digest, basis_counts
	FROM acct.journal_run ORDER BY run_id};

sub same
{
	my ($sql, $name) = @_;

	is(on_standby($sql), on_primary($sql), $name);
	return;
}

make_database($primary, 'postgres');
load_batch($primary, 'postgres', $rows, 42);
on_primary("SELECT * FROM acct.run_month('2025-01-01', 'first')");
load_batch($primary, 'postgres', $rows, 43);
on_primary($statistics);
on_primary("SELECT * FROM acct.run_month('2025-01-01', 'second')");
on_primary(q{SELECT acct.new_template_version('CONTRIB', '2000-01-02');
	UPDATE acct.journal_template_line SET amount_expr = ':tabarru_amount * 1.01' WHERE template_code = 'CONTRIB' AND version = 2 AND line_no IN (6, 7)});
$primary->wait_for_catchup($standby);

is(on_standby('SELECT pg_is_in_recovery()'), 't', 'standby is one');
is(fingerprint($standby, 'postgres'), fingerprint($primary, 'postgres'), 'same ledger, balances and exceptions');
same($runs, 'same runs');
same(
	q{SELECT je_date, entity_code, basis, account_code, fund, currency, count(*), sum(debit), sum(credit)
	    FROM acct.ledger_entry_line GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6},
	'same sums by day and account');
same("SELECT * FROM acct.trial_balance('2025-01-01')", 'same trial balance');
same('SELECT * FROM acct.fund_journal ORDER BY 1, 2, 3 LIMIT 1000', 'same journals of funds');
same('SELECT count(*), sum(gross_amount) FROM acct.txn_source_parent', 'same source');
fails_with($standby, 'postgres', 'SELECT count(*) FROM acct.je_line_staging',
	qr/cannot access temporary or unlogged relations during recovery/, 'staging');
for my $call ('expand_journals(2)', 'post_journals(2)', "run_month('2025-01-01', 'third')", 'discard_run(2)')
{
	fails_with($standby, 'postgres', "SELECT * FROM acct.$call", qr/ERROR:  25006:/, "$call on the standby");
}
is($standby->safe_psql('postgres', 'SELECT bool_and(passed) FROM acct.validate_run(2)'), 't', 'a posted run is checked on the standby');
for my $way ('SET ledger_engine.max_workers = 0', 'SET ledger_engine.max_workers = 2; SET min_parallel_table_scan_size = 0')
{
	is(on_standby("$way; SELECT bool_and(passed) FROM acct.replay_run(2)"), 't', "$way: a posted run is replayed on the standby");
	same("$way; SELECT * FROM acct.compare_versions('CONTRIB', 1, 2, '2025-01-01')", "$way: same comparison");
	same("$way; SELECT * FROM acct.compare_versions_transactions('CONTRIB', 1, 2, '2025-01-01')", "$way: same transactions");
}
isnt(on_standby("SELECT count(*) FROM acct.compare_versions('CONTRIB', 1, 2, '2025-01-01')"), 0, 'there is something to compare');
same("SELECT * FROM acct.preview_journals('2025-01-01', template_code => 'CONTRIB')", 'same preview');

# A checkpoint is given out once the standby has it on disk.
on_primary(q{SELECT acct.set_book('MAIN', 'PRIMARY', '{"closed_from": "2030-01-01"}')});
on_primary(q{CALL acct.run_job('checkpoint', '{"standby": "standby"}')});
fails_with($primary, 'postgres', q{CALL acct.run_job('checkpoint', '{"standby": "nobody", "timeout": 0.1}')}, qr/55000: job "checkpoint" failed/, 'a standby that is not there');
is(on_primary(q{SELECT string_agg(detail ->> 'status', ', ' ORDER BY log_id) FROM acct.run_log WHERE step = 'job' AND detail ->> 'job' = 'checkpoint'}), 'done, failed', 'what the jobs say');
$primary->wait_for_catchup($standby);
same('SELECT v.* FROM acct.ledger_checkpoint AS c, acct.verify_checkpoint(c.body) AS v', 'same checks of the checkpoint');
is(on_standby('SELECT bool_and(v.passed) FROM acct.ledger_checkpoint AS c, acct.verify_checkpoint(c.body) AS v'), 't', 'the standby extends the checkpoint');
same("SELECT acct.prove_balance('2025-01-01', 'MAIN', 'PRIMARY', s.fund, s.account_code, s.currency) FROM acct.account_balance_snapshot AS s WHERE s.entity_code = 'MAIN' AND s.basis = 'PRIMARY' AND s.snapshot_month = '2025-01-01' LIMIT 1", 'same proof');
same('SELECT acct.prove_journal(max(je_id)), acct.prove_journal(max(je_id), 1) FROM acct.ledger_entry_header WHERE run_id = 1', 'same proofs of a header and a line');
same('SELECT acct.prove_sections()', 'same proofs of sections');
# The command of docs/proof.md, with a program that keeps what it is sent.
my $received = PostgreSQL::Test::Utils::tempdir() . '/received.txt';
my $export = q{psql -XqAt -d "$1" -c "CALL acct.run_job('checkpoint', '{\"standby\": \"standby\"}')" -c "SELECT rtrim(body, E'\n') FROM acct.ledger_checkpoint ORDER BY checkpoint_id DESC LIMIT 1" 2>/dev/null | dd of="$2" 2>/dev/null};
is(system('sh', '-c', $export, 'sh', $primary->connstr('postgres'), $received), 0, 'a checkpoint is sent');
my $text = slurp_file($received);
is(on_primary('SELECT bool_and(v.passed) FROM acct.verify_checkpoint($$' . $text . '$$) AS v'), 't', 'what was received is a checkpoint of the ledger');
is(system("$FindBin::RealBin/../../integrations/verify/verify.py", 'checkpoint', $received, $received), 0, 'and one that is read without a database');
fails_with($standby, 'postgres', 'SELECT acct.ledger_checkpoint()', qr/ERROR:  25006:/, 'no checkpoint is made on the standby');

# Another standby, promoted while a run is expanded: the primary goes on, and both come to the same.
load_batch($primary, 'postgres', $rows, 44);
on_primary($statistics);
is(on_primary("SELECT acct.create_run('2025-01-01', 'run-3')"), '3', 'a run is made');
my $holder = hold_lock($primary, 'postgres', 'LOCK TABLE acct.je_header_staging IN SHARE MODE'); # attaching waits for it
my $session = start_session($primary, 'postgres');
$session->submit('SELECT * FROM acct.expand_journals(3)');
wait_until('expanding', sub { $session->waits_for($primary, $holder) });
on_primary('CREATE TABLE public.expanding ()');
$primary->wait_for_catchup($other);
$other->promote;
$holder->finish;
$session->finish;
is($session->error, '', 'expanded on the primary');
is($other->safe_psql('postgres', "SELECT to_regclass('public.expanding')"), 'expanding', 'promoted while expanding: has what was committed');
my $outcome = 'SELECT status, digest, journals, lines, exceptions FROM acct.journal_run WHERE run_id = 3';
is($other->safe_psql('postgres', $outcome), 'created||||', 'promoted while expanding: the run is as it was created');
is(broken_invariants($other, 'postgres'), '', 'promoted while expanding: all invariants hold');
$other->safe_psql('postgres', 'SELECT * FROM acct.expand_journals(3)');
is($other->safe_psql('postgres', $outcome), on_primary($outcome), 'promoted while expanding: expanded again, with the digest of the primary');
for my $node ($primary, $other)
{
	$node->safe_psql('postgres', 'SELECT * FROM acct.post_journals(3)');
}
is(fingerprint($other, 'postgres'), fingerprint($primary, 'postgres'), 'promoted while expanding: posted, the ledger is that of the primary');
is(broken_invariants($other, 'postgres'), '', 'promoted while expanding: all invariants hold when it is posted');
ok(!$other->log_contains('inconsistent page found'), 'replay was consistent there too');
$other->stop;

# Three more runs: two that were expanded, and one that is being posted.
my @expected = ('');
for my $n (4 .. 6)
{
	load_batch($primary, 'postgres', 1000 * $n, 100 + $n);
	is(on_primary("SELECT acct.create_run('2025-01-01', 'run-$n')"), $n, "run $n is made");
	on_primary("SELECT * FROM acct.expand_journals($n)");
	$expected[$n] = on_primary("SELECT digest, journals, lines, exceptions FROM acct.journal_run WHERE run_id = $n");
}
my $before = fingerprint($primary, 'postgres', 'run_id < 4');
$holder = hold_lock($primary, 'postgres', 'LOCK TABLE acct.account_balance_snapshot IN SHARE MODE');
$session = start_session($primary, 'postgres');
$session->submit('SELECT * FROM acct.post_journals(4)');
wait_until('posting', sub { $session->waits_for($primary, $holder) });

# The next commit flushes the WAL of what was posted so far.
on_primary('CREATE TABLE public.flushed ()');
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
$session->finish;
$holder->finish;
$standby->promote;
is(on_standby('SELECT pg_is_in_recovery()'), 'f', 'standby is promoted');
is(on_standby("SELECT to_regclass('public.flushed')"), 'flushed', 'promoted: has what was committed');

is(broken_invariants($standby, 'postgres'), '', 'promoted: all invariants hold');
is(fingerprint($standby, 'postgres', 'run_id < 4'), $before, 'promoted: ledger as before');
is(on_standby('SELECT string_agg(status, \',\' ORDER BY run_id) FROM acct.journal_run'),
	'posted,posted,posted,expanded,expanded,expanded', 'promoted: nothing is posted of the fourth run');
for my $n (4 .. 6)
{
	fails_with($standby, 'postgres', "SELECT * FROM acct.post_journals($n)", $lost, "promoted: staging of run $n is lost");
	fails_with($standby, 'postgres', "SELECT * FROM acct.validate_run($n)", $lost, "promoted: validating run $n sees it");
}

# Expanded again, or discarded and made anew
for my $n (4, 5)
{
	is(on_standby("SELECT bool_or(already_done) FROM acct.expand_journals($n)"), 'f', "promoted: run $n is expanded again");
	is(on_standby("SELECT digest, journals, lines, exceptions FROM acct.journal_run WHERE run_id = $n"),
		$expected[$n], "promoted: run $n has the same digest");
	is(failing_checks($standby, 'postgres', $n), '', "promoted: run $n is valid");
	is(on_standby("SELECT bool_or(already_done) FROM acct.post_journals($n)"), 'f', "promoted: run $n is posted");
}
is(on_standby('SELECT acct.discard_run(6)'), 't', 'promoted: run 6 is discarded');
is(broken_invariants($standby, 'postgres'), '', 'promoted: all invariants hold after discarding');
my $again = on_standby("SELECT acct.create_run('2025-01-01', 'run-6')");
isnt($again, '6', 'promoted: another run');
on_standby("SELECT * FROM acct.run_month('2025-01-01', 'run-6')");
is(on_standby("SELECT digest, journals, lines, exceptions FROM acct.journal_run WHERE run_id = $again"),
	$expected[6], 'promoted: with the same digest');
is(on_standby("SELECT count(*) FROM acct.journal_run WHERE status = 'posted' AND acct.run_digest(run_id) = digest"),
	'6', 'promoted: six runs are posted, with their digests');
is(broken_invariants($standby, 'postgres'), '', 'promoted: all invariants hold at the end');

ok(!$standby->log_contains('inconsistent page found'), 'replay was consistent');
$standby->stop;
done_testing();
