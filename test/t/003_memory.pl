# The memory of a step does not grow with the number of transactions.  Many are the few, several times over, so that what
# is kept for each combination of codes and dates is the same.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no /proc here' unless -r "/proc/$$/status" && slurp_file("/proc/$$/status") =~ /^RssAnon:/m;

my $sample = 20_000;
my @rows = ($sample, 10 * $sample);
my $allowed = 4096; # kB

# Sorting for an index, and small shared buffers that each step fills, are bounded by settings.
my $node = new_node('main', 'shared_buffers = 4MB', 'maintenance_work_mem = 1MB', 'work_mem = 1MB', 'max_wal_size = 4GB',
	'max_parallel_maintenance_workers = 0', 'max_parallel_workers_per_gather = 0');

# The backend's memory in kB, by name.
sub memory
{
	my ($pid) = @_;
	my %memory = slurp_file("/proc/$pid/status") =~ /^(\w+):\s+(\d+) kB$/mg;

	return \%memory;
}

# Runs a statement in a backend of its own; the most memory that was not shared, in kB: as seen every five milliseconds,
# or as follows from the most that was resident.
sub peak
{
	my ($db, $statement) = @_;
	my $session = start_session($node, $db);
	my $peak = 0;
	my $samples = 0;

	$session->submit($statement);
	wait_until(
		$statement,
		sub {
			my $done = $session->done;
			my $now = memory($session->pid)->{RssAnon};
			$peak = $now if $now > $peak;
			$samples++;
			return $done;
		},
		5000);
	my $m = memory($session->pid);
	my $most = $m->{VmHWM} - $m->{RssShmem} - $m->{RssFile};
	$session->finish;
	is($session->error, '', "$db: $statement");
	note "$db: $statement: $peak kB seen $samples times, $most kB at most";
	return $most > $peak ? $most : $peak;
}

my @steps = ('expand_journals(1)', 'validate_run(1)', 'post_journals(1)', 'run_digest(1)', 'update_balance_snapshot()');
my %peak;
for my $rows (@rows)
{
	my $db = "rows_$rows";
	make_database($node, $db);
	$node->safe_psql(
		$db, qq{
		SELECT * FROM acct.rotate_txn_source_partitions(0, '2025-01-01');
		INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel,
		                                    policy_no, currency, gross_amount, tabarru_amount, tanahud_amount,
		                                    investment_amount, ujroh_amount, attributes)
		SELECT txn_id + time * 1000000, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, policy_no,
		       currency, gross_amount, tabarru_amount, tanahud_amount, investment_amount, ujroh_amount, attributes
		  FROM generate_series(1, $rows / $sample) AS time, acct.sample_transactions('2025-01-01', $sample)});
	$node->safe_psql($db, "SELECT acct.create_run('2025-01-01')");
	$peak{$rows}{$_} = peak($db, "SELECT * FROM acct.$_") for @steps;
	is($node->safe_psql($db, 'SELECT status, transactions, digest = acct.run_digest(1) FROM acct.journal_run'),
		"posted|$rows|t", "$db: posted");
}
for my $step (@steps)
{
	my ($few, $many) = map { $peak{$_}{$step} } @rows;
	cmp_ok($many - $few, '<', $allowed, "$step: $few kB for $rows[0] transactions, $many kB for $rows[1]");
}

$node->stop;
done_testing();
