# A cancel, a statement_timeout and a termination are answered at once, whatever a step is doing; they leave nothing behind, and
# the step can be done again.  The longest time from the request to the end of the statement is printed.
#
# LEDGER_CANCEL_ROWS: transactions of a run (default 8000); LEDGER_CANCEL_ROUNDS: attempts of each kind (default 1);
# LEDGER_CANCEL_FSYNC: on, as it is in earnest (default off); LEDGER_SEED: of the random moments (default 1).
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $rows = $ENV{LEDGER_CANCEL_ROWS} || 8_000;
my $rounds = $ENV{LEDGER_CANCEL_ROUNDS} || 1;

# Seconds that a machine may take which has much else to do; an idle one takes tens of milliseconds.
my $bound = 5;

my $fsync = $ENV{LEDGER_CANCEL_FSYNC} || 'off';
my $node = new_node('main', 'max_worker_processes = 16', 'max_wal_size = 4GB', "fsync = $fsync");
my %ways = (
	'one process' => 'SET ledger_engine.max_workers = 0; SET ledger_engine.run_partition_min_transactions = 0',
	'one process, row by row' => 'SET ledger_engine.max_workers = 0; SET ledger_engine.run_partition_min_transactions = -1',
	'workers' => 'SET ledger_engine.max_workers = 2; SET ledger_engine.run_partition_min_transactions = 0; SET min_parallel_table_scan_size = 0');
my %call = (
	create => "SELECT acct.create_run('2025-01-01', 'KEY')",
	expand => 'SELECT * FROM acct.expand_journals(RUN)',
	validate => 'SELECT * FROM acct.validate_run(RUN)',
	post => 'SELECT * FROM acct.post_journals(RUN)',
	compare => "SELECT * FROM acct.compare_versions('CONTRIB', 1, 2, '2025-01-01')",
	replay => 'SELECT * FROM acct.replay_run(RUN)',
	# A correction, which is not posted
	correct => 'SELECT * FROM acct.expand_journals(BETTER)',
	# Somebody else made the reversal, so that it can be posted here.
	reverse => 'SELECT * FROM acct.expand_journals(BACK)',
	post_back => 'SELECT * FROM acct.post_journals(BACK)',
	again => 'SELECT * FROM acct.expand_journals(AGAIN)');
srand random_seed();
my %slowest = (cancel => 0, timeout => 0, terminate => 0);
my ($attempts, $interrupted) = (0, 0);
my ($db, $key);

sub sql { return $node->safe_psql($db, $_[0]); }

sub run_id { return sql("SELECT max(run_id) FROM acct.journal_run WHERE run_key = '$key'"); }

sub fill
{
	my ($step) = @_;
	my $run = run_id();

	my $back = "(SELECT max(run_id) FROM acct.journal_run WHERE kind = 'reversal')";

	return $call{$step} =~ s/KEY/$key/r =~ s/RUN/$run/r =~ s/BETTER/(SELECT max(run_id) FROM acct.journal_run WHERE kind = 'correction')/r
	  =~ s/BACK/$back/r =~ s/AGAIN/(SELECT max(run_id) FROM acct.journal_run WHERE origin_run = $back)/r;
}

# What each step of a run that is posted begins with.
my %begin = (
	correct => q{SELECT acct.correct_run(RUN, '2025-06-30', 'Cancelled')},
	reverse => q{SELECT acct.reverse_run(RUN, '2025-06-30', 'Cancelled'); UPDATE acct.journal_run SET created_by = 'maker', created_by_role = NULL WHERE kind = 'reversal'},
	again => q{SELECT acct.rebook_run((SELECT max(run_id) FROM acct.journal_run WHERE kind = 'reversal'))});

# Seconds that the statement takes from the request, and whether it was ended by it.
sub ask
{
	my ($kind, $session, $after, $again) = @_;
	my $function = $kind eq 'cancel' ? 'pg_cancel_backend' : 'pg_terminate_backend';
	my $asker = $node->{asker};

	usleep($after * 1_000_000);
	my $since = time;
	$asker->submit("SELECT $function($session->{pid})");
	wait_until('a request', sub { $asker->done }, 500);
	wait_until('the end of a statement', sub { $session->done || $again && time - $since > $again }, 500);
	return $session->done ? time - $since : ask($kind, $session, 0);
}

sub interrupt
{
	my ($kind, $way, $step, $after) = @_;
	my $session = start_session($node, $db);
	my $statement = fill($step);
	my $took;

	if ($kind eq 'timeout')
	{
		my $ms = int($after * 1000) || 1;
		my $since = time;

		$session->submit("$ways{$way}; SET statement_timeout = $ms; $statement");
		wait_until('the end of a statement', sub { $session->done }, 500);
		$took = time - $since - $ms / 1000;
	}
	else
	{
		$session->submit("$ways{$way}; $statement");
		$took = ask($kind, $session, $after);
	}
	my $ended = $session->error =~ /57014|57P01|terminat|closed the connection/;
	$attempts++;
	if ($ended)
	{
		$interrupted++;
		$slowest{$kind} = $took if $took > $slowest{$kind};
		ok($took < $bound, sprintf('%s, %s, %s after %.0f ms: %.0f ms', $way, $step, $kind, $after * 1000, $took * 1000));
	}
	else
	{
		is($session->error, '', "$way, $step, $kind: it was done before");
	}
	$session->finish;
	wait_until('the end of its processes', sub { sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $session->{pid} OR leader_pid = $session->{pid}") eq '0' });
	is(sql('SELECT count(*) FROM acct.run_progress'), 0, 'nothing is shown of it');
	return !$ended;
}

# How long the step takes when nobody interrupts it, to choose times within it by.
my %seconds;

sub do_in_peace
{
	my ($way, $step) = @_;
	my $since = time;

	sql("$ways{$way}; " . fill($step));
	$seconds{$way}{$step} = time - $since;
	return;
}

# At random moments of the step.  What was done before its interruption came is done: then the rest is left out.
sub interrupt_step
{
	my ($way, $step) = @_;

	for my $kind ('cancel', 'timeout', 'terminate')
	{
		for my $round (1 .. ($kind eq 'terminate' ? 1 : $rounds))
		{
			my $done = interrupt($kind, $way, $step, rand($seconds{$way}{$step} * 0.9));
			return if $done && $step !~ /validate|compare|replay/;
		}
	}
	do_in_peace($way, $step);
	return;
}

for my $way (sort keys %ways)
{
	my $large = $way =~ /row by row/ ? int($rows / 4) : $rows;
	my ($peace, $trouble) = map { ($_ . '_' . $way) =~ s/\W+/_/gr } 'peace', 'trouble';

	for ([ $peace, \&do_in_peace ], [ $trouble, \&interrupt_step ])
	{
		my $do = $_->[1];

		($db, $key) = ($_->[0], 'run');
		make_database($node, $db);
		$node->{asker} = start_session($node, $db);
		load_batch($node, $db, $large, 42);
		# A draft, to be compared with what is approved
		sql(q{SELECT acct.new_template_version('CONTRIB', '2000-01-02');
			UPDATE acct.journal_template_line SET amount_expr = ':tabarru_amount * 1.01' WHERE template_code = 'CONTRIB' AND version = 2 AND line_no IN (6, 7)});
		for my $step ('create', 'expand', 'validate', 'post', 'compare', 'replay')
		{
			$do->($way, $step);
			is(broken_invariants($node, $db), '', "$db: all invariants hold after $step") if $db eq $trouble;
		}
		is(sql("SELECT status FROM acct.journal_run WHERE run_key = 'run'"), 'posted', "$db: the run is posted in the end");
		for my $step ($way eq 'workers' ? ('correct', 'reverse', 'post_back', 'again') : ())
		{
			sql($begin{$step} =~ s/RUN/run_id()/er) if $begin{$step};
			$do->($way, $step);
			is(broken_invariants($node, $db), '', "$db: all invariants hold after $step") if $db eq $trouble;
			sql("SELECT acct.discard_run(max(run_id)) FROM acct.journal_run WHERE kind = 'correction'") if $step eq 'correct';
		}
		is(sql("SELECT status FROM acct.journal_run WHERE run_key = 'run'"), 'reversed', "$db: the run is reversed in the end") if $way eq 'workers';
		$node->{asker}->finish;
	}
	my $result = 'SELECT transactions, journals, lines, exceptions, ignored, debit, credit, digest FROM acct.journal_run ORDER BY run_id';
	is($node->safe_psql($trouble, $result), $node->safe_psql($peace, $result), "$way: the result is what it is without interruptions");
}

# While it waits for a lock, or a reader
$db = 'trouble_workers';
$node->{asker} = start_session($node, $db);
load_batch($node, $db, 1000, 43);
sql("$ways{workers}; SELECT * FROM acct.expand_journals(acct.create_run('2025-01-01', 'waits'))");
$key = 'waits';
for my $lock ("SELECT FROM acct.ledger_book FOR UPDATE", 'SELECT count(*) FROM acct.ledger_entry_line', 'LOCK TABLE acct.je_header_staging IN ACCESS SHARE MODE')
{
	my $holder = hold_lock($node, $db, $lock);
	my $session = start_session($node, $db);

	$session->submit("$ways{workers}; " . ($lock =~ /staging/ ? 'SELECT acct.discard_run(' . run_id() . ')' : fill('post')));
	wait_until('a step that waits', sub { $session->waits_for($node, $holder) });
	# The server takes a cancel that comes in the moment of a lock timeout for that timeout, so whoever cancels may have to do it again.
	my $took = ask('cancel', $session, 0.1, 2);
	$slowest{cancel} = $took if $took > $slowest{cancel};
	ok($took < $bound, sprintf('while it waits behind "%s": %.0f ms', $lock, $took * 1000));
	like($session->error, qr/57014/, 'cancelled');
	$session->finish;
	$holder->finish;
}
is(broken_invariants($node, $db), '', 'all invariants hold');
sql(fill('post'));
$node->{asker}->finish;

note(sprintf('%d of %d attempts came in time; slowest answer to a cancel %.0f ms, after a timeout %.0f ms, to a termination %.0f ms',
	$interrupted, $attempts, map { $slowest{$_} * 1000 } 'cancel', 'timeout', 'terminate'));
cmp_ok($interrupted, '>=', 10, 'enough of them came in time');
$node->stop;
done_testing();
