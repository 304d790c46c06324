# Months are loaded and processed while processes are killed at random times: kill -9 of the session or of one of its workers,
# a stop of the server at once, pg_terminate_backend, pg_cancel_backend.  After each, all that must hold is looked at, and the
# call is made again with the same key, until it succeeds.  At the end of a round the ledger must be that of a database where
# nothing was killed.
#
# LEDGER_SOAK_KILLS   kills, 12 by default; LEDGER_SOAK_MINUTES   at most so long, 10 by default
# LEDGER_SOAK_SEED    of the random numbers; the default is another one each time, and is printed
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $kills = $ENV{LEDGER_SOAK_KILLS} || 12;
my $end = time + 60 * ($ENV{LEDGER_SOAK_MINUTES} || 10);
my $seed = $ENV{LEDGER_SOAK_SEED} || int(rand(1_000_000_000));
my $round_kills = 40;
my $rows = 3000;
my @ways = ('kill -9', 'kill -9', 'kill -9 a worker', 'immediate shutdown', 'pg_terminate_backend', 'pg_cancel_backend');

# The next random number below a limit; perl's own differ between versions.
my $state = $seed;

sub random
{
	my ($limit) = @_;

	$state = ($state * 1103515245 + 12345) & 0x7fffffff;
	return ($state >> 8) % $limit;
}

my @settings = (
	'SET ledger_engine.run_partition_min_transactions = 0; SET min_parallel_table_scan_size = 0; SET ledger_engine.max_workers = 2;',
	'SET ledger_engine.run_partition_min_transactions = 0; SET ledger_engine.max_workers = 0;',
	'SET ledger_engine.run_partition_min_transactions = -1;');
my @calls = ("CALL acct.process_month('MONTH', 'KEY')", "SELECT * FROM acct.run_month('MONTH', 'KEY')");

my $node = new_node('main', 'shared_buffers = 64MB');
my $done = 0;  # kills
my $calls = 0; # that were begun
my %killed;    # by way
my $longest = 0.3;
note "seed $seed";

# Kills while the call is at work, and counts how often in which way.
sub strike
{
	my ($session) = @_;
	my $way = $ways[ random(scalar @ways) ];
	my $pid = $session->pid;

	if ($way eq 'kill -9 a worker')
	{
		my $worker = $node->safe_psql('postgres', "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE leader_pid = $pid");
		$way = 'kill -9' if $worker eq '0';
		$pid = $worker if $worker ne '0';
	}
	if ($way =~ /^kill/)
	{
		my $log = -s $node->logfile;
		my $tries = 0;

		return if !kill 'KILL', $pid;
		# It may have ended by itself at that very moment.
		while (slurp_file($node->logfile, $log) !~ /was terminated by signal 9/)
		{
			return if ++$tries > 500;
			usleep(10_000);
		}
		$node->poll_query_until('postgres', 'SELECT true') or die 'no recovery';
	}
	elsif ($way eq 'immediate shutdown')
	{
		$node->stop('immediate');
		$node->start;
	}
	else
	{
		$node->safe_psql('postgres', "SELECT $way($pid)");
	}
	$killed{$way}++;
	$done++;
	return;
}

# One batch, loaded and processed however often it takes.
sub process
{
	my ($n) = @_;
	my $month = sprintf '2025-%02d-01', random(4) + 1;
	my $setting = $settings[ random(scalar @settings) ];
	my $call = $calls[ random(scalar @calls) ] =~ s/MONTH/$month/r =~ s/KEY/key-$n/r;
	my $seed_of_batch = $n; # identifiers of transactions are made of it
	my $broken = '';
	my $status;

	load_quietly($node, $_, $month, $rows, $seed_of_batch) for 'soak', 'peace';
	$node->safe_psql('peace', "$setting SELECT * FROM acct.run_month('$month', 'key-$n')");
	for my $try (1 .. 100)
	{
		my $session = start_session($node, 'soak');
		my $began = time;

		$calls++;
		$session->submit("$setting $call");
		if ($done < $kills && $try < 100)
		{
			usleep(random(1 + int($longest * 1_000_000)));
			$session->done ? undef : strike($session);
		}
		$session->finish;
		$longest = 0.9 * $longest + 0.1 * (time - $began) if !$session->error;
		$broken .= broken_invariants($node, 'soak');
		die "call failed: " . $session->error
		  if $session->error && $session->error !~ /57014|57P0\d|server closed the connection|lost connection to parallel worker|LE002/;
		$status = $node->safe_psql('soak', "SELECT status FROM acct.journal_run WHERE run_key = 'key-$n' AND status <> 'discarded'");
		last if $status eq 'posted' || $broken;
	}
	is($broken, '', "batch $n: all invariants hold after each kill");
	is($status, 'posted', "batch $n: posted in the end");
	is(
		$node->safe_psql('soak', "SELECT digest FROM acct.journal_run WHERE run_key = 'key-$n' AND status = 'posted'"),
		$node->safe_psql('peace', "SELECT digest FROM acct.journal_run WHERE run_key = 'key-$n'"),
		"batch $n: same digest as in peace");
	return;
}

for (my $round = 1; $done < $kills && time < $end; $round++)
{
	my $until = $done + $round_kills < $kills ? $done + $round_kills : $kills;
	my $n = 0;

	make_database($node, $_) for 'soak', 'peace';
	process(++$n) while $done < $until && time < $end;
	for my $run (split /\n/, $node->safe_psql('soak', "SELECT run_id FROM acct.journal_run WHERE status = 'posted'"))
	{
		is(failing_checks($node, 'soak', $run), '', "round $round: run $run is valid");
	}
	is(
		$node->safe_psql('soak', "SELECT * FROM acct.trial_balance('2025-12-01')"),
		$node->safe_psql('peace', "SELECT * FROM acct.trial_balance('2025-12-01')"),
		"round $round: same trial balance as in peace");
	if (-x $node->config_data('--bindir') . '/pg_amcheck'
		&& $node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'}) eq '1')
	{
		$node->command_ok([ 'pg_amcheck', '--install-missing', '--heapallindexed', 'soak' ], "round $round: pg_amcheck finds nothing");
	}
	delete $node->{ledger_oid};
	$node->safe_psql('postgres', "DROP DATABASE $_") for 'soak', 'peace';
}
note sprintf '%d kills in %d calls: %s', $done, $calls, join ', ', map { "$_ $killed{$_}" } sort keys %killed;
cmp_ok($done, '>', 0, "$done kills in $calls calls");
$node->stop;
done_testing();
