# A disk that fills up, a file that may not grow, a lock table without room, and very many partitions: a step fails with its
# SQLSTATE and leaves nothing, or works; and when there is room again it does what it would have done.
#
# LEDGER_LIMITS=all   two thousand partitions instead of a hundred
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $all = ($ENV{LEDGER_LIMITS} || '') eq 'all';
my $rows = 2000;
my $digest = 'SELECT digest FROM acct.journal_run WHERE run_key';

# By each way of writing
my @paths = (
	[ 'rows', 'SET ledger_engine.run_partition_min_transactions = -1; SET ledger_engine.direct_write = off; SET ledger_engine.bulk_index = off;' ],
	[ 'pages', 'SET ledger_engine.run_partition_min_transactions = 0; SET ledger_engine.max_workers = 0;' ],
	[ 'workers', 'SET ledger_engine.run_partition_min_transactions = 0; SET min_parallel_table_scan_size = 0; SET ledger_engine.max_workers = 2;' ]);

# Repeats a step with twice as much room each time until it succeeds: before that it fails with an error that matches, and all
# is as it was.  "make_room" is told how much; the step is run by a session that began before.
sub until_it_fits
{
	my ($node, $db, $name, $room, $make_room, $sql, $error) = @_;
	my $failures = 0;

	for (;; $room *= 2)
	{
		my $session = start_session($node, $db);
		my $give_back = $make_room->($room);
		$session->submit($sql);
		wait_until($name, sub { $session->done });
		$give_back->() if $give_back;
		$session->finish;
		last if $session->error eq '';
		$failures++;
		like($session->error, $error, "$name: fails with room for $room");
		is(broken_invariants($node, $db), '', "$name: nothing is broken, with room for $room");
		die "$name: no end" if $failures > 30;
	}
	cmp_ok($failures, '>', 0, "$name: failed $failures times, then succeeded with room for $room");
	return;
}

# Undisturbed, for the digests
my $node = new_node('main', 'max_locks_per_transaction = 64', 'max_connections = 20', 'max_wal_size = 1GB');
my %expected;
make_database($node, 'undisturbed');
for my $i (0 .. 5)
{
	load_quietly($node, 'undisturbed', '2025-01-01', $rows, $i);
	$node->safe_psql('undisturbed', "SELECT * FROM acct.run_month('2025-01-01', 'run-$i')");
	$expected{$i} = $node->safe_psql('undisturbed', "$digest = 'run-$i'");
}

# A disk that fills up: the tables that the steps make are in a tablespace of 24 MB, most of which another file takes.  It is
# mounted where only that server sees it.
sub start_with_small_disk
{
	my ($disk) = @_;
	my $server = PostgreSQL::Test::Cluster->new('disk');
	my @namespace = ('unshare', '--user', '--map-current-user', '--keep-caps', '--mount', 'sh', '-c');

	$server->init;
	$server->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\njit = off\n");
	mkdir $disk or die "$disk: $!";
	return undef unless IPC::Run::run([ @namespace, 'mount -t tmpfs -o size=1m none "$0"', $disk ], '>', '/dev/null', '2>', '/dev/null');
	IPC::Run::run([ @namespace, 'mount -t tmpfs -o size=24m none "$0" && mkdir "$0/ts" && exec pg_ctl -w -D "$1" -l "$2" -o "--cluster-name=disk" start',
			$disk, $server->data_dir, $server->logfile ], '>', '/dev/null')
	  or die 'the server did not start';
	$server->_update_pid(1);
	return $server;
}

SKIP:
{
	my $disk = PostgreSQL::Test::Utils::tempdir_short() . '/small';
	my $server = start_with_small_disk($disk);
	skip 'no file system can be mounted here', 1 unless $server;

	make_database($server, 'postgres');
	$server->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk/ts'");
	for my $i (0 .. 2)
	{
		my ($name, $settings) = @{ $paths[$i] };
		my $in_small = "SET default_tablespace = small; $settings";
		my $room = sub {
			my $kb = $_[0];
			$server->safe_psql('postgres', qq{COPY (SELECT) TO PROGRAM 'cd $disk && rm -f ballast && free=\$(df -k . | awk "END {print \\\$4}") && } .
				  qq{if [ \$free -gt $kb ]; then head -c \$((\$free - $kb))k /dev/zero > ballast; fi'});
			return sub { $server->safe_psql('postgres', qq{COPY (SELECT) TO PROGRAM 'rm -f $disk/ballast'}) };
		};

		load_quietly($server, 'postgres', '2025-01-01', $rows, $i);
		my $run = $server->safe_psql('postgres', "SELECT acct.create_run('2025-01-01', 'run-$i')");
		until_it_fits($server, 'postgres', "disk, $name, expand", 32, $room, "$in_small SELECT * FROM acct.expand_journals($run)",
			qr/53100: .*No space left on device/);
		is($server->safe_psql('postgres', "$digest = 'run-$i'"), $expected{$i}, "disk, $name: expanded as ever");
		until_it_fits($server, 'postgres', "disk, $name, post", 32, $room, "$in_small SELECT * FROM acct.post_journals($run)",
			qr/53100: .*No space left on device/);
		is($server->safe_psql('postgres', "SELECT acct.run_digest($run)"), $expected{$i}, "disk, $name: posted as ever");
	}
	is(broken_invariants($server, 'postgres'), '', 'disk: all invariants hold');
	is($server->safe_psql('postgres', 'SELECT bool_and(v.passed) FROM acct.journal_run r, acct.validate_run(r.run_id) v'), 't', 'disk: all runs are valid');
	$server->stop('immediate');
}

# A file that may not grow, by the limit of its process: what a disk's quota does, too
{
	my $server = PostgreSQL::Test::Cluster->new('file');
	my $start = sub {
		my ($kb) = @_;
		IPC::Run::run([ 'sh', '-c', ($kb ? 'ulimit -f ' . 2 * $kb . '; ' : '') . 'exec pg_ctl -w -D "$0" -l "$1" start', $server->data_dir, $server->logfile ],
			'>', '/dev/null')
		  or die 'the server did not start';
		$server->_update_pid(1);
	};

	$server->init(extra => ['--wal-segsize=1']);
	$server->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\njit = off\n");
	$start->();
	make_database($server, 'postgres');
	for my $i (0 .. 2)
	{
		load_quietly($server, 'postgres', '2025-01-01', $rows, $i);
		$server->safe_psql('postgres', "SELECT acct.create_run('2025-01-01', 'run-$i')");
	}
	# Each step of the three fails with the limit, then succeeds without it.
	for my $step ('expand_journals', 'post_journals')
	{
		$server->stop;
		$start->(1050);
		for my $i (0 .. 2)
		{
			my ($name, $settings) = @{ $paths[$i] };
			fails_with($server, 'postgres', "$settings SELECT * FROM acct.$step(acct.create_run('2025-01-01', 'run-$i'))",
				qr/53100: .*wrote only \d+ of \d+ bytes|File too large/, "file, $name: $step fails");
		}
		is(broken_invariants($server, 'postgres'), '', "file: $step broke nothing");
		$server->stop;
		$start->();
		for my $i (0 .. 2)
		{
			my ($name, $settings) = @{ $paths[$i] };
			$server->safe_psql('postgres', "$settings SELECT * FROM acct.$step(acct.create_run('2025-01-01', 'run-$i'))");
			is($server->safe_psql('postgres', "$digest = 'run-$i'"), $expected{$i}, "file, $name: $step as ever");
		}
	}
	is($server->safe_psql('postgres', 'SELECT bool_and(digest = acct.run_digest(run_id)) FROM acct.journal_run'), 't', 'file: the ledger is as ever');
	is(broken_invariants($server, 'postgres'), '', 'file: all invariants hold');
	$server->stop;
}

# A lock table without room: another session holds what there is of it but a few.
make_database($node, 'locks');
$node->safe_psql(
	'locks', q{
	CREATE FUNCTION public.fill_lock_table(spare integer) RETURNS integer LANGUAGE plpgsql AS $$
	DECLARE
		n integer := 0;
	BEGIN
		LOOP
			BEGIN
				PERFORM pg_advisory_lock(7, n);
				n := n + 1;
			EXCEPTION WHEN out_of_memory THEN
				EXIT;
			END;
		END LOOP;
		PERFORM pg_advisory_unlock(7, i) FROM generate_series(greatest(n - spare, 0), n - 1) AS i;
		RETURN n;
	END
	$$});
for my $i (3 .. 5)
{
	my ($name, $settings) = @{ $paths[ $i - 3 ] };
	my $fill = sub {
		my ($spare) = @_;
		my $holder = start_session($node, 'locks');
		$holder->submit("SELECT public.fill_lock_table($spare)");
		wait_until('the lock table', sub { $holder->done });
		return sub { $holder->finish };
	};

	load_quietly($node, 'locks', '2025-01-01', $rows, $i);
	my $run = $node->safe_psql('locks', "SELECT acct.create_run('2025-01-01', 'run-$i')");
	until_it_fits($node, 'locks', "locks, $name, expand", 1, $fill, "$settings SELECT * FROM acct.expand_journals($run)", qr/53200: +out of shared memory/);
	is($node->safe_psql('locks', "$digest = 'run-$i'"), $expected{$i}, "locks, $name: expanded as ever");
	until_it_fits($node, 'locks', "locks, $name, post", 1, $fill, "$settings SELECT * FROM acct.post_journals($run)", qr/53200: +out of shared memory/);
	is($node->safe_psql('locks', "SELECT acct.run_digest($run)"), $expected{$i}, "locks, $name: posted as ever");
}
is(broken_invariants($node, 'locks'), '', 'locks: all invariants hold');

# Very many partitions of source and ledger, and of runs in one month.  What reads all of the ledger needs a lock for each of
# its tables and indexes.
{
	my $months = $all ? 2000 : 100;
	my $runs = $all ? 200 : 10;
	my $at_a_time = 50;

	make_database($node, 'many');
	for (my $n = 0; $n < $months; $n += $at_a_time)
	{
		my $from = "(date '1900-01-01' + make_interval(months => $n))::date";
		$node->safe_psql('many', "SELECT * FROM acct.rotate_txn_source_partitions($at_a_time - 1, $from)");
		$node->safe_psql('many', "SELECT * FROM acct.rotate_ledger_partitions($at_a_time - 1, $from)");
	}
	is($node->safe_psql('many', q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'acct.txn_source_parent'::regclass}), $months, 'many: partitions of the source');
	load_quietly($node, 'many', '2025-01-01', $rows, 0);
	my $began = time;
	$node->safe_psql('many', "SELECT * FROM acct.run_month('2025-01-01', 'run-0')");
	note 'run of a month: ', time - $began, ' s';
	is($node->safe_psql('many', "$digest = 'run-0'"), $expected{0}, 'many: same digest');
	for my $n (1 .. $runs)
	{
		load_quietly($node, 'many', '2025-01-01', 20, 1000 + $n);
		$node->safe_psql('many', "$paths[1][1] SELECT * FROM acct.run_month('2025-01-01', 'many-$n')");
	}
	is($node->safe_psql('many', q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'acct.ledger_entry_line_2025_01'::regclass}), $runs + 1, 'many: partitions of runs');
	is($node->safe_psql('many', q{SELECT bool_and(v.passed) FROM acct.journal_run r, acct.validate_run(r.run_id) v WHERE run_key IN ('run-0', 'many-1')}), 't', 'many: valid');
	if ($months > 500)
	{
		fails_with($node, 'many', 'SELECT acct.update_balance_snapshot()', qr/53200: +out of shared memory\nHINT:  .*max_locks_per_transaction/,
			'many: reading the whole ledger needs more locks');
		$node->append_conf('postgresql.conf', 'max_locks_per_transaction = 2048');
		$node->restart;
	}
	is($node->safe_psql('many', 'SELECT acct.update_balance_snapshot()'), '0', 'many: balances are right');
}

$node->stop;
done_testing();
