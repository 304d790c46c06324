# A base backup is brought to points all along a month's run, by pages and workers and row by row, and along the archive of a
# month and its way back.  At each point what was under way is wholly there or not at all, and done again it gives the same.
#
# LEDGER_CRASH_POINTS=all   both sides of each commit and twenty points between them, instead of ten in all
use strict;
use warnings FATAL => 'all';

use File::Path qw(rmtree);
use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $all = ($ENV{LEDGER_CRASH_POINTS} || '') eq 'all';
my $rows = 2000;
my %settings = (
	pages => 'SET ledger_engine.run_partition_min_transactions = 0; SET min_parallel_table_scan_size = 0; SET ledger_engine.max_workers = 2;',
	rows => 'SET ledger_engine.run_partition_min_transactions = -1; SET ledger_engine.direct_write = off; SET ledger_engine.bulk_index = off;');
my $primary = new_node('primary', { has_archiving => 1, allows_streaming => 1, extra => ['--wal-segsize=1'] },
	'shared_buffers = 32MB', 'max_worker_processes = 8');

# Before the backup: a month that is posted and closed, and the transactions of the next two.
make_database($primary, 'postgres');
my $has_amcheck = -x $primary->config_data('--bindir') . '/pg_amcheck'
  && $primary->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'}) eq '1';
load_batch($primary, 'postgres', $rows, 1);
$primary->safe_psql(
	'postgres', q{
	CALL acct.process_month('2025-01-01', 'closed');
	SELECT acct.close_period(period_month, entity_code, basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.journal_number WHERE period_month = '2025-01-01';});
load_quietly($primary, 'postgres', '2025-02-01', $rows, 2);
load_quietly($primary, 'postgres', '2025-03-01', $rows, 3);
$primary->backup('base');

# What is done, in this order, and where it begins in the write-ahead log.
my @steps = (
	[ 'pages', "$settings{pages} CALL acct.process_month('2025-02-01', 'pages')" ],
	[ 'rows', "$settings{rows} CALL acct.process_month('2025-03-01', 'rows')" ],
	[ 'archive', "SELECT acct.archive_partition('ledger_entry', '2025-01-01')" ],
	[ 'restore', "SELECT acct.restore_partition('ledger_entry', '2025-01-01')" ]);

# Positions as numbers
sub position { return $primary->safe_psql('postgres', q{SELECT pg_current_wal_lsn() - '0/0'}); }

sub as_lsn { return sprintf '%X/%X', $_[0] >> 32, $_[0] & 0xffffffff; }

# With workers, journals of a run are numbered in any order.
sub ledger { return fingerprint($_[0], 'postgres', $_[1]) =~ s/^(headers\|.*)\|\S*$/$1/mr; }

my $digests = q{SELECT run_key, digest, journals, lines, exceptions, acct.run_digest(run_id) = digest FROM acct.journal_run
	WHERE status = 'posted' ORDER BY run_id};
my %from;
for (@steps)
{
	$from{ $_->[0] } = position();
	$primary->safe_psql('postgres', $_->[1]);
}
my $to = position();
my $expected = $primary->safe_psql('postgres', $digests);
my %expected = map { (split /\|/)[0] => $_ } split /\n/, $expected;
my $at_the_end = ledger($primary);
my $closed = ledger($primary, 'run_id = 1') =~ s/^balances.*\n//mr;
is(broken_invariants($primary, 'postgres'), '', 'all invariants hold on the primary');
$primary->safe_psql('postgres', 'SELECT pg_switch_wal()');
$primary->stop;

# The commits of each step: a run has one for each of its own, the last of which posts it.
my %commits = map { $_->[0] => [] } @steps;
my ($records) = run_command([ 'pg_waldump', '-p', $primary->archive_dir, '-r', 'Transaction', '-s', as_lsn($from{pages}), '-e', as_lsn($to) ]);
while ($records =~ m{lsn: ([0-9A-F]+)/([0-9A-F]+), .*desc: COMMIT}g)
{
	my $commit = hex($1) * 2**32 + hex($2);
	my ($step) = grep { $from{$_} <= $commit } map { $_->[0] } reverse @steps;

	push @{ $commits{$step} }, $commit;
}
is(join(' ', map { scalar @{ $commits{ $_->[0] } } } @steps), '4 4 1 1', 'commits of the steps');

# Points are where the first record is that is not replayed.
my %points;
for my $step ('pages', 'rows')
{
	my @commit = @{ $commits{$step} };

	@points{ $commit[1], $commit[3] } = ("$step, before its expansion is committed", "$step, before its posting is committed");
	$points{ int($commit[2] + ($commit[3] - $commit[2]) * $_ / 3) } = "$step, posted in part" for $step eq 'pages' ? (1, 2) : 2;
	for (1 .. ($all ? 10 : 0))
	{
		$points{ int($from{$step} + ($commit[3] - $from{$step}) * $_ / 11) } //= "$step, at $_/11";
	}
}
for my $step ('archive', 'restore')
{
	@points{ $commits{$step}[0], $commits{$step}[0] + 1 } = ("$step, before its commit", "$step, after its commit");
}
if ($all)
{
	for my $step (map { $_->[0] } @steps)
	{
		$points{$_} //= "$step, before a commit" for @{ $commits{$step} };
		$points{ $_ + 1 } //= "$step, after a commit" for @{ $commits{$step} };
	}
}

# A copy of the backup, brought to a point.  It leaves the archive as it is.
sub recover
{
	my ($n, $point) = @_;
	my $node = PostgreSQL::Test::Cluster->new("point_$n");

	$node->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
	$node->append_conf('postgresql.conf', sprintf "archive_mode = off\nrecovery_target_timeline = current\n"
		  . "recovery_target_lsn = '%s'\nrecovery_target_inclusive = off\nrecovery_target_action = promote\n", as_lsn($point));
	$node->start;
	$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'recovery did not end';
	return $node;
}

my (%seen, $n);
for my $point (sort { $a <=> $b } keys %points)
{
	my $name = $points{$point};
	my $node = recover(++$n, $point);
	my %done = map { $_->[0] => scalar grep { $_ < $point } @{ $commits{ $_->[0] } } } @steps;
	my $sql = sub { $node->safe_psql('postgres', $_[0]) };

	# Wholly, or not at all
	is(broken_invariants($node, 'postgres'), '', "$name: all invariants hold");
	is($sql->($digests), join("\n", map { $expected{$_} } 'closed', grep { $done{$_} == 4 } 'pages', 'rows'), "$name: the runs that are posted");
	for my $key ('pages', 'rows')
	{
		my $status = $sql->("SELECT coalesce(max(status), 'none') FROM acct.journal_run WHERE run_key = '$key'");
		is($status, (qw(none created expanded expanded posted))[ $done{$key} ], "$name: $key is $status");
		$seen{"$key is $status"}++;
	}
	my $archived = $sql->(q{SELECT string_agg(relnamespace::regnamespace::text, ' ') FROM pg_class WHERE relname IN ('ledger_entry_header_2025_01', 'ledger_entry_line_2025_01')});
	is($archived, $done{archive} && !$done{restore} ? 'acct_archive acct_archive' : 'acct acct', "$name: the closed month is in $archived");
	$seen{"month in $archived"}++;
	is(ledger($node, 'run_id = 1') =~ s/^balances.*\n//mr, $closed, "$name: the closed month has what it had");

	# Done again
	$sql->($_->[1]) for @steps;
	is($sql->($digests), $expected, "$name: done again, the same digests");
	is(ledger($node), $at_the_end, "$name: done again, the same ledger, balances and exceptions");
	is(broken_invariants($node, 'postgres'), '', "$name: done again, all invariants hold");
	$node->command_ok([ 'pg_amcheck', '--install-missing', '--heapallindexed', 'postgres' ], "$name: pg_amcheck finds nothing") if $all && $has_amcheck;
	$node->stop('immediate');
	rmtree($node->data_dir);
}
note "$n points";
is(
	join(', ', grep { !$seen{$_} } 'month in acct acct', 'month in acct_archive acct_archive', 'rows is none',
		map { ("$_ is created", "$_ is expanded", "$_ is posted") } 'pages', 'rows'),
	'', 'each outcome was met');
done_testing();
