# Expanding and posting are interrupted in every way and at several points.  Each time nothing may be left of them, and
# at the end the ledger must be that of a database where nothing was interrupted.  LEDGER_CRASH_ROWS is the number of transactions.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = $ENV{LEDGER_CRASH_ROWS} || 8_000;
my $more_rows = int($rows / 2);
my @kinds = ('pg_terminate_backend', 'pg_cancel_backend', 'kill -9', 'immediate shutdown');
my $lost = qr/LE002: run \d+ is expanded, but its staging was lost in a crash\nHINT:  Call acct\.expand_journals\(\) again\./;
my $node = new_node('main', 'shared_buffers = 64MB');

sub sql { return $node->safe_psql('crash', $_[0]); }

sub status { return sql("SELECT status FROM acct.journal_run WHERE run_id = $_[0]"); }

sub digest { return sql("SELECT digest FROM acct.journal_run WHERE run_id = $_[0]"); }

sub expand { return sql("SELECT bool_or(already_done) FROM acct.expand_journals($_[0])"); }

sub post { return sql("SELECT bool_or(already_done) FROM acct.post_journals($_[0])"); }

# Does what the kind says to the session's backend; true where the server crashed.
sub interrupt
{
	my ($kind, $session, $name) = @_;
	my $pid = $session->pid;
	my $log = -s $node->logfile;

	if ($kind eq 'kill -9')
	{
		kill 'KILL', $pid or die "kill $pid: $!";
		$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log);
		await_recovery($node);
	}
	elsif ($kind eq 'immediate shutdown')
	{
		$node->stop('immediate');
		$node->start;
	}
	else
	{
		$node->safe_psql('postgres', "SELECT $kind($pid)");
	}
	$session->finish;
	like(
		$session->error,
		$kind eq 'pg_cancel_backend' ? qr/ERROR:  57014:/
		: $kind eq 'pg_terminate_backend' ? qr/FATAL:  57P01:/
		: qr/server closed the connection unexpectedly/,
		"$name: interrupted");
	return $kind eq 'kill -9' || $kind eq 'immediate shutdown';
}

# Starts the statement, interrupts it when the database's files have grown by so many bytes (or, without them, when it
# waits for the lock), and looks at what is left.  The lock is one that it comes to at its end, so that it cannot be
# done before it is interrupted.  True where the server crashed.
sub interrupted
{
	my ($kind, $statement, $lock, $bytes, $name) = @_;
	my $holder = hold_lock($node, 'crash', $lock);
	my $before = database_bytes($node, 'crash');
	my $session = start_session($node, 'crash');
	my $polls = 0;

	$name = sprintf '%s, %s, %s', $statement =~ /(\w+)\(/, $kind, $name;
	$session->submit($statement);
	wait_until(
		$name,
		sub {
			die "$name: done too early: " . $session->error if $session->done;
			return 1 if $bytes && database_bytes($node, 'crash') - $before >= $bytes;
			return ++$polls % 50 == 0 && $session->waits_for($node, $holder);
		},
		1000);
	my $crashed = interrupt($kind, $session, $name);
	$holder->finish;
	is(broken_invariants($node, 'crash'), '', "$name: all invariants hold");
	return $crashed;
}

my $expand_lock = 'LOCK TABLE acct.je_header_staging IN SHARE MODE'; # attaching waits for it
my $post_lock = 'LOCK TABLE acct.account_balance_snapshot IN SHARE MODE';             # moving the snapshot does

# The undisturbed database, which also says how much is written.
make_database($node, 'undisturbed');
load_batch($node, 'undisturbed', $rows, 42);
$node->safe_psql('undisturbed', "SELECT acct.create_run('2025-01-01', 'first')");
my @bytes = (database_bytes($node, 'undisturbed'));
$node->safe_psql('undisturbed', 'SELECT * FROM acct.expand_journals(1)');
push @bytes, database_bytes($node, 'undisturbed');
$node->safe_psql('undisturbed', 'SELECT * FROM acct.post_journals(1)');
push @bytes, database_bytes($node, 'undisturbed');
my ($expand_bytes, $post_bytes) = ($bytes[1] - $bytes[0], $bytes[2] - $bytes[1]);
note "expanding writes $expand_bytes bytes, posting $post_bytes";
is(broken_invariants($node, 'undisturbed'), '', 'undisturbed: all invariants hold');
is(failing_checks($node, 'undisturbed', 1), '', 'undisturbed: run is valid');

my $first_digest = $node->safe_psql('undisturbed', 'SELECT digest FROM acct.journal_run');
my $first_exceptions = exceptions_of($node, 'undisturbed', 1);
my $first_ledger = fingerprint($node, 'undisturbed');
like($first_digest, qr/^[0-9a-f]{32}$/, 'undisturbed: digest');
isnt($first_exceptions, '', 'undisturbed: exceptions');

load_batch($node, 'undisturbed', $more_rows, 43);
$node->safe_psql('undisturbed', "SELECT * FROM acct.run_month('2025-01-01', 'second')");
load_batch($node, 'undisturbed', 1000, 44);
$node->safe_psql('undisturbed', "SELECT * FROM acct.run_month('2025-01-01', 'third')");

# Expanding
make_database($node, 'crash');
load_batch($node, 'crash', $rows, 42);
is(sql("SELECT acct.create_run('2025-01-01', 'first')"), '1', 'run is made');
for my $kind (@kinds)
{
	for my $part (0.1, 0.5, 0)
	{
		my $name = $part ? "at $part" : 'at its end';
		interrupted($kind, 'SELECT * FROM acct.expand_journals(1)', $expand_lock, $part * $expand_bytes, $name);
		is(status(1), 'created', "$name: run is not expanded");
	}
}
interrupted('pg_cancel_backend', 'SELECT * FROM acct.expand_journals(1)',
	'LOCK TABLE acct.je_line_staging IN SHARE MODE', 0, 'between its two tables');
is(expand(1), 'f', 'expand: done afresh');
is(digest(1), $first_digest, 'expand: same digest');
is(sql("SELECT acct.run_digest(1, 'staging')"), $first_digest, 'expand: same digest of staging');
is(exceptions_of($node, 'crash', 1), $first_exceptions, 'expand: same exceptions');
is(failing_checks($node, 'crash', 1), '', 'expand: run is valid');
my $checks = all_checks($node, 'crash', 1);

# A shutdown is no crash: staging stays.
$node->restart;
is(all_checks($node, 'crash', 1), $checks, 'restart: run is valid as before');
is(expand(1), 't', 'restart: run is still expanded');

# After a crash unlogged staging is empty.
sub expand_again
{
	my ($name) = @_;

	is(status(1), 'expanded', "$name: run is still expanded");
	fails_with($node, 'crash', 'SELECT * FROM acct.post_journals(1)', $lost, "$name: posting sees that staging was lost");
	fails_with($node, 'crash', 'SELECT * FROM acct.validate_run(1)', $lost, "$name: validating sees it");
	fails_with($node, 'crash', "SELECT acct.run_digest(1, 'staging')", qr/LE002: .*\nHINT:  .*expand_journals/, "$name: so does the digest");
	is(broken_invariants($node, 'crash'), '', "$name: all invariants hold");
	is(expand(1), 'f', "$name: expanded again");
	is(digest(1), $first_digest, "$name: same digest");
	is(all_checks($node, 'crash', 1), $checks, "$name: run is valid as before");
	is(exceptions_of($node, 'crash', 1), $first_exceptions, "$name: same exceptions");
	return;
}

$node->stop('immediate');
$node->start;

# Expanding again may be interrupted too.  A row that one of the run's new totals collides with, in a transaction that is
# not committed, keeps it from coming to its end; as a replica's it takes no lock on the run.
my $total = sql(q{
	SELECT format('%L, %L, %L, %L, %L, %L', entity_code, basis, je_month, fund, account_code, currency)
	  FROM acct.journal_run_total WHERE run_id = 1 LIMIT 1});
sql("SET session_replication_role = replica;
	UPDATE acct.journal_run_total SET run_id = -1
	 WHERE (run_id, entity_code, basis, je_month, fund, account_code, currency) = (1, $total)");
interrupted(
	$_,
	'SELECT * FROM acct.expand_journals(1)',
	"SET session_replication_role = replica; INSERT INTO acct.journal_run_total VALUES (1, $total, 0, 0, 0)",
	0, 'again')
  for 'pg_terminate_backend', 'kill -9';
sql('DELETE FROM acct.journal_run_total WHERE run_id = -1');
expand_again('crash after expanding');

# Posting, into partitions that it makes
for my $kind (@kinds)
{
	for my $part (0.05, 0.5, 0)
	{
		my $name = $part ? "at $part" : 'at its end';
		my $crashed = interrupted($kind, 'SELECT * FROM acct.post_journals(1)', $post_lock, $part * $post_bytes, $name);
		if ($crashed && $part)
		{
			is(expand(1), 'f', "$name: expanded again");
			is(digest(1), $first_digest, "$name: same digest");
		}
		elsif ($crashed)
		{
			expand_again("$kind in posting");
		}
		else
		{
			is(all_checks($node, 'crash', 1), $checks, "$name: run is valid as before");
		}
	}
}
is(post(1), 'f', 'post: done afresh');
is(fingerprint($node, 'crash'), $first_ledger, 'post: same ledger');

# What was committed stays.
$node->stop('immediate');
$node->start;
is(status(1), 'posted', 'crash after posting: run is posted');
is(fingerprint($node, 'crash'), $first_ledger, 'crash after posting: same ledger');
is(sql('SELECT acct.run_digest(1)'), $first_digest, 'crash after posting: same digest of the ledger');
is(broken_invariants($node, 'crash'), '', 'crash after posting: all invariants hold');
is(failing_checks($node, 'crash', 1), '', 'crash after posting: run is valid');
is(post(1), 't', 'crash after posting: posting again does nothing');
is(expand(1), 't', 'crash after posting: expanding again does nothing');
is(fingerprint($node, 'crash'), $first_ledger, 'crash after posting: ledger stays');

# Posting into partitions that hold something, in the steps of process_month()
load_batch($node, 'crash', $more_rows, 43);
for my $kind (@kinds)
{
	for my $bytes (200 * $more_rows, 0)
	{
		my $name = $bytes ? 'in its midst' : 'at its end';

		sql("SELECT * FROM acct.expand_journals(acct.create_run('2025-01-01', 'second'))");
		interrupted($kind, "CALL acct.process_month('2025-01-01', 'second')", $post_lock, $bytes, $name);
		is(sql('SELECT string_agg(status, \',\' ORDER BY run_id) FROM acct.journal_run'), 'posted,expanded',
			"$kind, $name: the steps before are kept");
	}
}
sql("SELECT * FROM acct.expand_journals(acct.create_run('2025-01-01', 'second'))");
sql("CALL acct.process_month('2025-01-01', 'second')");
is(status(sql("SELECT acct.create_run('2025-01-01', 'second')")), 'posted', 'process_month: goes on where it stopped');

# A month in one transaction
load_batch($node, 'crash', 1000, 44);
for my $kind (@kinds)
{
	interrupted($kind, "SELECT * FROM acct.run_month('2025-01-01', 'third')", $post_lock, 0, 'at its end');
	is(sql("SELECT count(*) FROM acct.journal_run WHERE run_key = 'third'"), '0', "run_month, $kind: no run is left");
}
sql("SELECT * FROM acct.run_month('2025-01-01', 'third')");
is(fingerprint($node, 'crash'), fingerprint($node, 'undisturbed'), 'same ledger as the undisturbed one');
is(broken_invariants($node, 'crash'), '', 'all invariants hold');
is(
	sql('SELECT run_key, status, transactions, journals, lines, exceptions, ignored, debit, credit, digest FROM acct.journal_run ORDER BY 1'),
	$node->safe_psql('undisturbed',
		'SELECT run_key, status, transactions, journals, lines, exceptions, ignored, debit, credit, digest FROM acct.journal_run ORDER BY 1'),
	'same runs as the undisturbed ones');
is(
	sql("SELECT * FROM acct.trial_balance('2025-01-01')"),
	$node->safe_psql('undisturbed', "SELECT * FROM acct.trial_balance('2025-01-01')"),
	'same trial balance as the undisturbed one');

# An empty run has nothing to lose.
sql("SELECT * FROM acct.expand_journals(acct.create_run('2031-01-01', 'empty'))");
$node->stop('immediate');
$node->start;
sql("SELECT * FROM acct.post_journals(acct.create_run('2031-01-01', 'empty'))");
is(sql("SELECT status, lines FROM acct.journal_run WHERE run_key = 'empty'"), 'expanded|0', 'empty run: nothing is lost, and nothing posted');

SKIP:
{
	skip 'no pg_amcheck here', 1 if !has_amcheck($node);
	$node->command_ok([ 'pg_amcheck', '--install-missing', '--heapallindexed', 'crash' ], 'pg_amcheck finds nothing');
}

$node->stop;
done_testing();
