# A run is cancelled while another session holds it: executing, with workers, idle in its transaction, prepared.  Each time
# that session is stopped, nothing is left of the run, and the key begins afresh; at the end each transaction is journalled
# once.  Then the same of what reverses and corrects it.
#
# LEDGER_CANCEL_ROWS: transactions of the run (default 5000).
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = $ENV{LEDGER_CANCEL_ROWS} || 5_000;
my $db = 'cancel';
my $node = new_node(
	'main',
	'max_prepared_transactions = 2',
	'max_worker_processes = 8',
	'min_parallel_table_scan_size = 0',
	'ledger_engine.max_workers = 2');

sub sql { return $node->safe_psql($db, $_[0]); }

# Makes the run and returns its identifier.
sub create { return sql("SELECT acct.create_run('2025-01-01', 'key')"); }

# A session in which the engine asked for a lock that the holder has; it cannot get done.
sub waiting_session
{
	my ($statement, $holder) = @_;
	my $session = start_session($node, $db);

	$session->submit($statement);
	wait_until("$statement to wait", sub { $session->waits_for($node, $holder) });
	return $session;
}

# Cancels the run; nothing of it may be left, and it is told how many sessions were stopped.  The holder of a lock gives it back.
sub cancelled
{
	my ($run, $expected, $name, $lock_holder) = @_;

	is(sql(q{SELECT run_id, outcome, sessions_stopped FROM acct.cancel_run('key')}), $expected, "$name: cancelled");
	$lock_holder->finish if defined $lock_holder;
	gone($run, $name);
	return;
}

sub gone
{
	my ($run, $name) = @_;

	is( sql(qq{
		SELECT status, (SELECT count(*) FROM acct.journal_run_batch AS b WHERE b.run_id = r.run_id AND b.released_at IS NULL),
		       (SELECT count(*) FROM acct.je_exception AS e WHERE e.run_id = r.run_id AND e.voided_at IS NULL),
		       to_regclass('acct.je_header_staging_' || r.run_id) IS NULL AND to_regclass('acct.je_line_staging_' || r.run_id) IS NULL
		  FROM acct.journal_run AS r WHERE r.run_id = $run}),
		'discarded|0|0|t', "$name: discarded, claims released, staging gone");
	is(broken_invariants($node, $db), '', "$name: all invariants hold");
	return;
}

sub ended_with
{
	my ($session, $pattern, $name) = @_;

	$session->finish;
	like($session->error, $pattern, "$name: the session was stopped");
	return;
}

my $cancelled = qr/ERROR:  57014: canceling statement due to user request/;
my $terminated = qr/57P01: terminating connection due to administrator command/;

make_database($node, $db);
load_batch($node, $db, $rows, 42);

# Workers are at work: the lock keeps the leader from getting done before they are seen, and is given back at once, so that
# staging can be dropped.
my $run = create();
my $holder = hold_lock($node, $db, 'LOCK TABLE acct.je_header_staging IN SHARE MODE');
my $worker = start_session($node, $db);
$worker->submit("SELECT * FROM acct.expand_journals($run)");
$node->poll_query_until($db, sprintf q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE leader_pid = %d)
	OR %d = ANY (pg_blocking_pids(%d))}, $worker->pid, $holder->pid, $worker->pid) or die 'no workers';
my $canceller = start_session($node, $db);
$canceller->submit(q{SELECT run_id, outcome, sessions_stopped FROM acct.cancel_run('key')});
ended_with($worker, $cancelled, 'expanding with workers');
$holder->finish;
$canceller->finish;
is($canceller->output . $canceller->error, "$run|discarded|1\n", 'expanding with workers: cancelled');
gone($run, 'expanding with workers');

# A session that is between its statements has nothing to cancel.
$run = create();
for my $step ('SELECT * FROM acct.expand_journals(%d)', 'SELECT * FROM acct.validate_run(%d)', 'SELECT * FROM acct.post_journals(%d)')
{
	my $statement = sprintf $step, $run;
	my ($name) = $statement =~ /(\w+)\(/;

	sql("SELECT * FROM acct.expand_journals($run)") if $step !~ /expand/;
	$worker = start_session($node, $db);
	$worker->submit("BEGIN; $statement");
	wait_until($name, sub { $worker->done });
	cancelled($run, "$run|discarded|1", "idle after $name");
	$worker->submit('SELECT 1');
	ended_with($worker, $terminated, "idle after $name");
	my $next = create();
	isnt($next, $run, "idle after $name: the key gives a new run");
	$run = $next;
}

# Posting, which waits for balances
sql("SELECT * FROM acct.expand_journals($run)");
$holder = hold_lock($node, $db, 'LOCK TABLE acct.account_balance_snapshot IN SHARE MODE');
$worker = waiting_session("SELECT * FROM acct.post_journals($run)", $holder);
cancelled($run, "$run|discarded|1", 'posting', $holder);
ended_with($worker, $cancelled, 'posting');

# process_month, in the middle of a step, and its like, which goes on after the run is gone
$holder = hold_lock($node, $db, 'LOCK TABLE acct.account_balance_snapshot IN SHARE MODE');
$worker = waiting_session(q{CALL acct.process_month('2025-01-01', 'key')}, $holder);
$run = sql(q{SELECT run_id FROM acct.journal_run WHERE run_key = 'key' AND status <> 'discarded'});
my $waiter = start_session($node, $db);
$waiter->submit(q{CALL acct.process_month('2025-01-01', 'key')});
wait_until('a second session', sub { $waiter->waits_for($node, $worker) });
cancelled($run, "$run|discarded|1", 'process_month', $holder);
ended_with($worker, $cancelled, 'process_month');
ended_with($waiter, qr/ERROR:  LE002:/, 'process_month that waited');

# A session that has made the run, and cannot be seen
$worker = start_session($node, $db);
$worker->submit(q{BEGIN; SELECT acct.create_run('2025-01-01', 'key')});
wait_until('create_run', sub { $worker->done });
is(sql(q{SELECT run_id, outcome, sessions_stopped FROM acct.cancel_run('key')}), '|no run|1', 'create_run: cancelled');
$worker->submit('SELECT 1');
ended_with($worker, $terminated, 'create_run');
is(sql(q{SELECT count(*) FROM acct.journal_run WHERE run_key = 'key' AND status <> 'discarded'}), '0', 'create_run: no run');

# Nobody can stop a prepared transaction.
$run = create();
sql("BEGIN; SELECT acct.run_digest($run); SELECT acct.create_run('2025-01-01', 'key'); PREPARE TRANSACTION 'held'");
fails_with($node, $db, q{SELECT * FROM acct.cancel_run('key')},
	qr/ERROR:  55P03: run "key" is held by a prepared transaction\nHINT:  End it with COMMIT PREPARED/, 'prepared transaction');
sql(q{ROLLBACK PREPARED 'held'});
cancelled($run, "$run|discarded|0", 'no session');

# The rights of an operator are enough, whoever works on the run, and no session but theirs is stopped.
sql('DO $$ BEGIN PERFORM acct.install_roles(); END $$; CREATE ROLE operator LOGIN IN ROLE acct_operator');
my $bystander = hold_lock($node, $db, "SELECT FROM acct.journal_run; SELECT pg_advisory_xact_lock_shared('acct.txn_source_parent'::regclass::oid::integer, 1)");
$run = create();
$worker = start_session($node, $db);
$worker->submit("BEGIN; SELECT * FROM acct.expand_journals($run)");
wait_until('expand', sub { $worker->done });
is(sql(q{SET SESSION AUTHORIZATION operator; SELECT run_id, outcome, sessions_stopped FROM acct.cancel_run('key')}),
	"$run|discarded|1", 'operator: cancelled');
$worker->submit('SELECT 1');
ended_with($worker, $terminated, 'operator');
$bystander->submit('COMMIT');
$bystander->finish;
is($bystander->error, '', 'operator: a bystander was let alone');

# With the same key, from the start
like(sql(q{SELECT detail FROM acct.run_month('2025-01-01', 'key') WHERE step = 'validate'}), qr/^all checks passed/, 'at last: posted');
is(sql(q{SELECT outcome, sessions_stopped FROM acct.cancel_run('key')}), 'posted|0', 'at last: nothing to cancel');
is( sql(q{SELECT count(*) = count(DISTINCT (txn_id, txn_month)), count(DISTINCT run_id) FROM acct.ledger_entry_header}),
	't|1', 'at last: each transaction is journalled once');
is(broken_invariants($node, $db), '', 'at last: all invariants hold');

# Reversals and corrections, which have no key: cancelled by their run while they are expanded, while they are posted and
# between.  What a reversal claimed is free again, and the same is made anew; a cancel of the statement alone leaves the run
# created, with its claims, and it is expanded again.
my $origin = sql(q{SELECT run_id FROM acct.journal_run WHERE status = 'posted'});
change_tax($node, $db, '2025-01-01', 0.06);
for my $kind ('reversal', 'correction')
{
	my $make = $kind eq 'reversal' ? "reverse_run($origin, '2025-03-31', 'Wrong')" : "correct_run($origin, '2025-03-31', 'Wrong')";
	my $claims = 'SELECT count(*), coalesce(sum(journals), 0) FROM acct.journal_reversal WHERE released_at IS NULL';
	my $none = '0|0';
	my $claimed;
	my $cancel = sub {
		my ($name, $session, $expected, $lock_holder) = @_;

		is(sql("SELECT run_id, outcome, sessions_stopped FROM acct.cancel_run($run)"), "$run|discarded|$expected", "$kind, $name: cancelled");
		$lock_holder->finish if defined $lock_holder;
		gone($run, "$kind, $name");
		is(sql($claims), $none, "$kind, $name: claims nothing");
		return;
	};
	my $make_again = sub {
		$run = sql("SELECT acct.$make");
		$claimed //= sql($claims);
		is(sql($claims), $claimed, "$kind: made, it claims what it did") if $kind eq 'reversal';
		is(sql($claims), $none, "$kind: claims nothing") if $kind eq 'correction';
		return;
	};

	# Its statement is cancelled, by whoever may: while it waits for a lock that another session has
	$make_again->();
	fails_with($node, $db, "SELECT acct.$make", $kind eq 'reversal' ? qr/ERROR:  LE008:/ : qr/ERROR:  LE002: run \d+ has a correction that is not posted/, "$kind: beside another one");
	$holder = hold_lock($node, $db, 'LOCK TABLE acct.je_header_staging IN SHARE MODE');
	$worker = waiting_session("SELECT * FROM acct.expand_journals($run)", $holder);
	sql('SELECT pg_cancel_backend(' . $worker->pid . ')');
	ended_with($worker, $cancelled, "$kind, statement");
	$holder->finish;
	is(sql("SELECT status, journals IS NULL, digest IS NULL FROM acct.journal_run WHERE run_id = $run"), 'created|t|t', "$kind, statement: the run is created as before");
	is(sql($claims), $claimed, "$kind, statement: its claims are kept");
	is(broken_invariants($node, $db), '', "$kind, statement: all invariants hold");
	sql("SELECT * FROM acct.expand_journals($run)");
	my $digest = sql("SELECT digest, journals > 0 FROM acct.journal_run WHERE run_id = $run");
	like($digest, qr/^\w+\|t$/, "$kind, statement: expanded again");
	$cancel->('expanded', undef, 0);

	$make_again->();
	$holder = hold_lock($node, $db, 'LOCK TABLE acct.je_header_staging IN SHARE MODE');
	$worker = waiting_session("SELECT * FROM acct.expand_journals($run)", $holder);
	$cancel->('expanding', $worker, 1, $holder);
	ended_with($worker, $cancelled, "$kind, expanding");

	$make_again->();
	$worker = start_session($node, $db);
	$worker->submit("BEGIN; SELECT * FROM acct.expand_journals($run)");
	wait_until('expand', sub { $worker->done });
	$cancel->('idle after expanding', $worker, 1);
	$worker->submit('SELECT 1');
	ended_with($worker, $terminated, "$kind, idle after expanding");

	$make_again->();
	sql("SELECT * FROM acct.expand_journals($run)");
	$holder = hold_lock($node, $db, 'LOCK TABLE acct.account_balance_snapshot IN SHARE MODE');
	$worker = waiting_session("SET SESSION AUTHORIZATION second_person; SELECT * FROM acct.post_journals($run)", $holder);
	$cancel->('posting', $worker, 1, $holder);
	ended_with($worker, $cancelled, "$kind, posting");
	is(sql("SELECT status, reversed_journals FROM acct.journal_run WHERE run_id = $origin"), 'posted|0', "$kind, posting: the run that it is of is as it was");

	# At last it is made in earnest, with the same digest; the reversal is left unposted, so that there is something to correct.
	$make_again->();
	sql("SELECT * FROM acct.expand_journals($run)");
	is(sql("SELECT digest, journals > 0 FROM acct.journal_run WHERE run_id = $run"), $digest, "$kind: at last it has the same digest");
	$kind eq 'reversal' ? $cancel->('at last', undef, 0) : cmp_ok(post_by_another($node, $db, $run), '>', 0, "$kind: at last it is posted");
	is(broken_invariants($node, $db), '', "$kind: all invariants hold at last");
}
is(sql("SELECT acct.reverse_run($origin, '2025-03-31', 'At last') > 0"), 't', 'reversal: after the correction');
$run = sql(q{SELECT max(run_id) FROM acct.journal_run WHERE kind = 'reversal'});
sql("SELECT * FROM acct.expand_journals($run)");
cmp_ok(post_by_another($node, $db, $run), '>', 0, 'reversal: at last it is posted');
is(sql("SELECT outcome, sessions_stopped FROM acct.cancel_run($run)"), 'posted|0', 'reversal: nothing to cancel');
is(sql("SELECT outcome FROM acct.cancel_run($origin)"), 'reversed', 'nor of what it reversed');
is(broken_invariants($node, $db), '', 'reversal: all invariants hold at last');

$node->stop;
done_testing();
