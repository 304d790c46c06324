# A standby beside large runs, whose pages and indexes are written past shared buffers, by several processes: it has the same
# ledger, its readers never see a part of a run, and promoted in the middle of a posting it has nothing of it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 6_000;

# The standby compares each page that it replays with the primary's, and lets its readers come to their end.
my $primary = new_node(
	'primary',
	{ allows_streaming => 1 },
	'wal_consistency_checking = all',
	'max_wal_size = 1GB',
	'wal_keep_size = 1GB',
	'max_worker_processes = 16',
	'ledger_engine.run_partition_min_transactions = 0',
	'ledger_engine.max_workers = 2',
	'min_parallel_table_scan_size = 0',
	'max_standby_streaming_delay = -1');
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

sub on_primary { return $primary->safe_psql('postgres', $_[0]); }

sub on_standby { return $standby->safe_psql('postgres', $_[0]); }

my $partitions = q{SELECT count(*) FROM pg_class WHERE relname ~ '^ledger_entry_line_\d+_\d+_run_\d+$' AND relispartition};
my $runs = q{SELECT run_id, run_key, status, transactions, journals, lines, exceptions, ignored, debit, credit, digest, basis_counts
	FROM acct.journal_run ORDER BY run_id};

sub same_as_primary
{
	my ($when) = @_;

	$primary->wait_for_catchup($standby);
	is(fingerprint($standby, 'postgres'), fingerprint($primary, 'postgres'), "$when: same ledger, balances and exceptions");
	is(on_standby($runs), on_primary($runs), "$when: same runs");
	is(on_standby("SELECT * FROM acct.trial_balance('2025-01-01')"),
		on_primary("SELECT * FROM acct.trial_balance('2025-01-01')"), "$when: same trial balance");
	is(on_standby(reading_of_one_query()), '', "$when: journals, lines and balances agree");
	return;
}

# One reading on the standby.  A reader that replay has to end reads again.
my %readings = (done => 0, again => 0);

sub read_standby
{
	my ($sql) = @_;
	my ($rc, $stdout, $stderr) = $standby->psql('postgres', $sql, on_error_stop => 1);

	if ($rc != 0 && $stderr =~ /conflict with recovery/)
	{
		$readings{again}++;
		return '';
	}
	$readings{done}++;
	return $rc == 0 ? $stdout : $stderr;
}

make_database($primary, 'postgres');
my $has_amcheck = has_amcheck($primary);
on_primary('CREATE EXTENSION amcheck') if $has_amcheck;

# Into a month that is new, into the same again, one by rows, and with the pages touched afterwards
load_batch($primary, 'postgres', $rows, 42);
on_primary("CALL acct.process_month('2025-01-01', 'first')");
is(on_primary($partitions), '1', 'the run has a partition of its own');
same_as_primary('first run');
load_batch($primary, 'postgres', $rows, 43);
on_primary("CALL acct.process_month('2025-01-01', 'second')");
is(on_primary($partitions), '2', 'the second run of the month has another');
same_as_primary('second run');
load_batch($primary, 'postgres', 500, 44);
on_primary("SET ledger_engine.run_partition_min_transactions = -1; SELECT * FROM acct.run_month('2025-01-01', 'third')");
same_as_primary('small run');
on_primary('VACUUM (FREEZE)');
same_as_primary('vacuum');

# Readers while runs are posted.  The months are there: a posting that makes them locks several tables at once, which replay
# locks one after the other, so that a reader who comes to them in another order may be ended by a deadlock.
on_primary("SELECT * FROM acct.rotate_ledger_partitions(5, '2024-12-01')");
my $posting = start_session($primary, 'postgres');
my $broken = '';
for my $n (1 .. 4)
{
	my $month = sprintf '2025-%02d-01', 1 + $n % 3;

	load_quietly($primary, 'postgres', $month, $rows, 200 + $n);
	$posting->submit("CALL acct.process_month('$month', 'read-$n')");
	while (!$posting->done)
	{
		$broken .= read_standby($_) for reading_of_one_query(), reading_of_several();
	}
}
$posting->finish;
is($posting->error, '', 'runs are posted');
note "$readings{done} readings, $readings{again} ended by replay";
cmp_ok($readings{done}, '>=', 8, 'the standby was read meanwhile');
is($broken, '', 'each reading saw whole runs');
same_as_primary('runs that were read meanwhile');
SKIP:
{
	skip 'no pg_amcheck here', 1 if !$has_amcheck;
	$standby->command_ok([ 'pg_amcheck', '--heapallindexed', 'postgres' ], 'pg_amcheck finds nothing on the standby');
}

# A large run is being posted when the primary is lost: all its pages are there, but not its commit.
load_batch($primary, 'postgres', $rows, 300);
on_primary("SELECT acct.create_run('2025-01-01', 'lost')");
my $lost = on_primary("SELECT run_id FROM acct.journal_run WHERE run_key = 'lost'");
on_primary("SELECT * FROM acct.expand_journals($lost)");
my $digest = on_primary("SELECT digest FROM acct.journal_run WHERE run_id = $lost");
my $before = fingerprint($primary, 'postgres', "run_id <> $lost");
my $count = on_primary($partitions);
my $holder = hold_lock($primary, 'postgres', 'LOCK TABLE acct.account_balance_snapshot IN SHARE MODE');
$posting = start_session($primary, 'postgres');
$posting->submit("SELECT * FROM acct.post_journals($lost)");
wait_until('posting', sub { $posting->waits_for($primary, $holder) });
on_primary('CREATE TABLE public.flushed ()');
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
$posting->finish;
$holder->finish;
$standby->promote;
is(on_standby("SELECT to_regclass('public.flushed')"), 'flushed', 'promoted: has what was committed');
is(on_standby("SELECT status FROM acct.journal_run WHERE run_id = $lost"), 'expanded', 'promoted: the run is not posted');
is(on_standby($partitions), $count, 'promoted: nor are its partitions there');
is(fingerprint($standby, 'postgres', "run_id <> $lost"), $before, 'promoted: ledger as before');
is(broken_invariants($standby, 'postgres'), '', 'promoted: all invariants hold');
fails_with($standby, 'postgres', "SELECT * FROM acct.post_journals($lost)", qr/LE002:.*staging was lost in a crash/,
	'promoted: staging is lost');
on_standby("CALL acct.process_month('2025-01-01', 'lost')");
is(on_standby("SELECT status, digest = '$digest' FROM acct.journal_run WHERE run_id = $lost"),
	'posted|t', 'promoted: expanded and posted again, with the same digest');
is(on_standby("SELECT count(*) FROM acct.journal_run WHERE status = 'posted' AND acct.run_digest(run_id) <> digest"),
	'0', 'promoted: all runs have their digests');
is(broken_invariants($standby, 'postgres'), '', 'promoted: all invariants hold at the end');
SKIP:
{
	skip 'no pg_amcheck here', 1 if !$has_amcheck;
	$standby->command_ok([ 'pg_amcheck', '--heapallindexed', 'postgres' ], 'promoted: pg_amcheck finds nothing');
}

ok(!$standby->log_contains('inconsistent page found'), 'replay was consistent');
$standby->stop;
done_testing();
