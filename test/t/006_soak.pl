# Months are loaded and processed while processes are killed at random times: kill -9 of the session or of one of its workers,
# a stop of the server at once, pg_terminate_backend, pg_cancel_backend.  After each, all that must hold is looked at, and the
# call is made again with the same key, until it succeeds.  Between batches the other steps are called and killed likewise: discard,
# reprocess, recompute, rotate, archive, restore.  At the end of a round the ledger must be that of a database where nothing was
# killed.  Each third round has wal_level = minimal, where the pages of new files are synced instead of logged.
#
# LEDGER_SOAK_KILLS   kills, 12 by default; where given, fewer are a failure
# LEDGER_SOAK_MINUTES   at most so long, 10 by default
# LEDGER_SEED         of the random numbers, 1 by default
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
my $seed = random_seed();
my $round_kills = 15; # the ledger is to stay small enough to be looked at so often
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
my %typical; # seconds that a call takes, by function

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
		await_recovery($node);
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

sub archived
{
	return $node->safe_psql('soak', "SELECT count(*) FROM acct.archived_partition WHERE month = '$_[0]' AND restored_at IS NULL") ne '0';
}

# Calls until the call has come to its end, or what it is for is done, with a strike at each try; says what broke.  What is
# spoiled on purpose is looked at afterwards.
sub insist
{
	my ($call, $is_done, $spoiled) = @_;
	my ($function) = $call =~ /acct\.(\w+)\(/ or die $call;
	my $broken = '';

	for my $try (1 .. 100)
	{
		my $session = start_session($node, 'soak');
		my $began = time;
		my $before = $done;

		$calls++;
		$session->submit($call);
		$typical{$function} //= 1;
		if ($done < $kills && $try < 100)
		{
			usleep(random(1 + int(900_000 * $typical{$function})));
			$session->done ? undef : strike($session);
		}
		$session->finish;
		# In the long run most strikes hit, at any moment of a call, and each call has its chance to come to its end.
		$typical{$function} = $session->error ? 1.04 * $typical{$function} : 0.7 * $typical{$function} + 0.3 * (time - $began);
		$broken .= broken_invariants($node, 'soak', 5) if !$spoiled && ($done > $before || $session->error);
		die "call failed: $call: " . $session->error
		  if $session->error && $session->error !~ /57014|57P0\d|server closed the connection|connection to (?:the )?server|lost connection to parallel worker|LE002/;
		last if $broken || ($is_done ? $is_done->() : !$session->error);
	}
	return $broken;
}

# One batch, loaded and processed however often it takes.
sub process
{
	my ($n) = @_;
	my $month = sprintf '2025-%02d-01', random(4) + 1;
	my $setting = $settings[ random(scalar @settings) ];
	my $call = $calls[ random(scalar @calls) ] =~ s/MONTH/$month/r =~ s/KEY/key-$n/r;
	my $status = sub { $node->safe_psql('soak', "SELECT status FROM acct.journal_run WHERE run_key = 'key-$n' AND status <> 'discarded'") };

	load_quietly($node, $_, $month, $rows, $n) for 'soak', 'peace'; # identifiers of transactions are made of the seed
	$node->safe_psql('peace', "$setting SELECT * FROM acct.run_month('$month', 'key-$n')");
	is(insist("$setting $call", sub { $status->() eq 'posted' }), '', "batch $n: all invariants hold after each kill");
	is($status->(), 'posted', "batch $n: posted in the end");
	is(
		$node->safe_psql('soak', "SELECT digest FROM acct.journal_run WHERE run_key = 'key-$n' AND status = 'posted'"),
		$node->safe_psql('peace', "SELECT digest FROM acct.journal_run WHERE run_key = 'key-$n'"),
		"batch $n: same digest as in peace");
	return;
}

# The other steps, each as often as it takes; in the end nothing in the ledger has changed but what reprocessing adds.
sub others
{
	my ($n, $setting) = ($_[0], $settings[ random(scalar @settings) ]);
	my $broken = '';
	my $what = random(4);
	my $run;

	if ($what == 0)
	{
		# The transactions stay for the next batch of their month; in peace there was no such run.
		load_quietly($node, $_, '2025-05-01', 500, 1_000_000 + $n) for 'soak', 'peace';
		$run = $node->safe_psql('soak', "SELECT acct.create_run('2025-05-01', 'discarded-$n')");
		$node->safe_psql('soak', "$setting SELECT * FROM acct.expand_journals($run)");
		$broken = insist("SELECT acct.discard_run($run)");
		$broken .= insist("$setting SELECT * FROM acct.run_month('2025-05-01', 'key-kept-$n')");
		$node->safe_psql('peace', "$setting SELECT * FROM acct.run_month('2025-05-01', 'key-kept-$n')");
	}
	elsif ($what == 1)
	{
		# Nothing was corrected, so the same is set aside again.
		$run = $node->safe_psql('soak', q{SELECT run_id FROM acct.je_exception JOIN acct.journal_run USING (run_id)
			WHERE resolved_by_run IS NULL AND voided_at IS NULL AND status = 'posted' ORDER BY run_id LIMIT 1});
		$broken = insist("SELECT acct.reprocess_exceptions($run)", sub { $node->safe_psql('soak', "SELECT count(*) FROM acct.journal_run WHERE reprocess_of = $run AND status <> 'discarded'") ne '0' });
		$run = $node->safe_psql('soak', "SELECT max(run_id) FROM acct.journal_run WHERE reprocess_of = $run AND status <> 'discarded'");
		$broken .= insist("$setting SELECT * FROM acct.expand_journals($run); SELECT * FROM acct.post_journals($run)",
			sub { $node->safe_psql('soak', "SELECT status FROM acct.journal_run WHERE run_id = $run") eq 'posted' });
	}
	elsif ($what == 2)
	{
		$node->safe_psql('soak', 'UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 1, closing_balance = closing_balance + 1
			WHERE ctid = (SELECT ctid FROM acct.account_balance_snapshot LIMIT 1)');
		$broken = insist('SELECT acct.update_balance_snapshot()', undef, 'spoiled');
		$broken .= $node->safe_psql('soak', 'SELECT * FROM acct.check_balance_snapshot()');
		$broken .= insist(sprintf "SELECT * FROM acct.rotate_ledger_partitions(2, '20%02d-01-01')", 30 + $n % 60);
	}
	else
	{
		my $month = sprintf '2024-%02d-01', 1 + $n % 12;

		load_quietly($node, $_, $month, 500, 2_000_000 + $n) for 'soak', 'peace';
		$node->safe_psql($_, "$setting SELECT * FROM acct.run_month('$month', 'key-old-$n')") for 'soak', 'peace';
		$node->safe_psql($_, "SELECT acct.close_period(period_month, entity_code, basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.journal_number WHERE period_month = '$month'") for 'soak', 'peace';
		$broken = insist("SELECT acct.archive_partition('ledger_entry', '$month')", sub { archived($month) });
		$broken .= insist("SELECT acct.restore_partition('ledger_entry', '$month')", sub { !archived($month) });
		$node->safe_psql($_, "SELECT acct.reopen_period(period_month, entity_code, basis) FROM acct.journal_number WHERE period_month = '$month'") for 'soak', 'peace';
	}
	is($broken, '', 'batch ' . $n . ': all invariants hold after ' . ('discard', 'reprocess', 'recompute and rotate', 'archive and restore')[$what]);
	return;
}

for (my $round = 1; $done < $kills && time < $end; $round++)
{
	my $until = $done + $round_kills < $kills ? $done + $round_kills : $kills;
	my $n = 0;

	$node->append_conf('postgresql.conf', 'wal_level = ' . (random(3) == 0 ? 'minimal' : 'replica'));
	$node->restart;
	make_database($node, $_) for 'soak', 'peace';
	while ($done < $until && time < $end)
	{
		process(++$n);
		others($n) if $done < $until;
	}
	note "round $round: wal_level " . $node->safe_psql('soak', 'SHOW wal_level') . ", $n batches, $done kills";
	for my $run (split /\n/, $node->safe_psql('soak', "SELECT run_id FROM acct.journal_run WHERE status = 'posted'"))
	{
		is(failing_checks($node, 'soak', $run), '', "round $round: run $run is valid");
	}
	is(
		$node->safe_psql('soak', "SELECT * FROM acct.trial_balance('2025-12-01')"),
		$node->safe_psql('peace', "SELECT * FROM acct.trial_balance('2025-12-01')"),
		"round $round: same trial balance as in peace");
	is(broken_invariants($node, 'soak'), '', "round $round: all invariants hold");
	if (has_amcheck($node))
	{
		$node->command_ok([ 'pg_amcheck', '--install-missing', '--heapallindexed', 'soak' ], "round $round: pg_amcheck finds nothing");
	}
	delete $node->{ledger_oid};
	$node->safe_psql('postgres', "DROP DATABASE $_") for 'soak', 'peace';
}
note sprintf '%d kills in %d calls: %s', $done, $calls, join ', ', map { "$_ $killed{$_}" } sort keys %killed;
cmp_ok($done, '>=', $ENV{LEDGER_SOAK_KILLS} || 1, "$done kills in $calls calls");
$node->stop;
done_testing();
