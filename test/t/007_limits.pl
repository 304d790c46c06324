# A disk that fills up, a file that may not grow, a lock table without room, and very many partitions: a step fails with its
# SQLSTATE and leaves nothing, or works; and when there is room again it does what it would have done.
#
# LEDGER_LIMITS=all   two thousand partitions instead of a hundred, lock tables with less room, and twice as much room each time
#                     instead of four times
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
my $file_rows = 2 * $rows; # whose lines are more than a file may hold
my $digest = 'SELECT digest FROM acct.journal_run WHERE run_key';

# By each way of writing
my @paths = (
	[ 'rows', 'SET ledger_engine.run_partition_min_transactions = -1; SET ledger_engine.staging_table_min_transactions = 0; SET ledger_engine.direct_write = off; SET ledger_engine.bulk_index = off;' ],
	[ 'pages', 'SET ledger_engine.run_partition_min_transactions = 0; SET ledger_engine.max_workers = 0;' ],
	[ 'workers', 'SET ledger_engine.run_partition_min_transactions = 0; SET min_parallel_table_scan_size = 0; SET ledger_engine.max_workers = 2;' ]);

# Repeats a step with more room each time until it succeeds: before that it fails with an error that matches, and all
# is as it was.  "make_room" is told how much; the step is run by a session that began before.
sub until_it_fits
{
	my ($node, $db, $name, $room, $make_room, $sql, $error, $holds) = @_;
	my $failures = 0;

	for (;; $room *= $all ? 2 : 4)
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
		ok($holds->(), "$name: nothing is done, with room for $room") if $holds;
		is(broken_invariants($node, $db), '', "$name: nothing is broken, with room for $room") if !$holds;
		die "$name: no end" if $failures > 30;
	}
	cmp_ok($failures, '>', 0, "$name: failed $failures times, then succeeded with room for $room");
	return;
}

# Undisturbed, for the digests
my $node = new_node('main', 'max_locks_per_transaction = 64', 'max_connections = 20', 'max_wal_size = 1GB');
my %expected;
make_database($node, 'undisturbed');
for my $i (0 .. 8)
{
	load_quietly($node, 'undisturbed', '2025-01-01', $i > 5 ? $file_rows : $rows, $i);
	$node->safe_psql('undisturbed', "SELECT * FROM acct.run_month('2025-01-01', 'run-$i')");
	$expected{$i} = $node->safe_psql('undisturbed', "$digest = 'run-$i'");
}

# A shell that has a small file system where nobody else sees it, for run_in(); or undef, and why there can be none.
sub start_shell
{
	my ($dir, $size) = @_;
	my $shell = { in => '', out => '', err => '' };
	my @namespace = ('unshare', '--user', '--map-current-user', '--keep-caps', '--mount', 'sh', '-c');

	mkdir $dir or die "$dir: $!";
	eval {
		$shell->{run} = IPC::Run::start([ @namespace, 'mount -t tmpfs -o size="$1" none "$0" && cd "$0" && ulimit -c 0 && echo mounted && exec sh', $dir, $size ],
			'<', \$shell->{in}, '>', \$shell->{out}, '2>', \$shell->{err});
		$shell->{run}->pump until $shell->{out} =~ /^mounted\n/ || !$shell->{run}->pumpable;
	};
	return $shell if $shell->{out} =~ /^mounted\n/;
	return (undef, 'no file system can be mounted here: ' . join(' ', split /\s+/, $shell->{err} || $@));
}

# Dies where the command fails.
sub run_in
{
	my ($shell, $command) = @_;

	$shell->{out} = '';
	$shell->{in} .= "{ $command\n} 2>&1 </dev/null; echo \"status \$?\"\n";
	wait_until($command, sub { $shell->{run}->pumpable && $shell->{run}->pump_nb; $shell->{out} =~ /^status \d+\n/m || !$shell->{run}->pumpable });
	$shell->{out} =~ s/^status 0\n\z//m or die "$command: $shell->{out}$shell->{err}";
	return 1;
}

# Takes what is free of it, but so many kB; what it returns gives that back.
sub leave_room
{
	my ($shell, $kb) = @_;

	run_in($shell, qq{free=\$(df -k . | awk 'END {print \$4}'); if [ "\$free" -gt $kb ]; then head -c \$((free - $kb))k /dev/zero > ballast; fi});
	return sub { run_in($shell, 'rm -f ballast') };
}

# A server that this shell starts
sub start_in
{
	my ($shell, $server) = @_;

	run_in($shell, sprintf q{pg_ctl -w -D '%s' -l '%s' -o '--cluster-name=%s' start >/dev/null}, $server->data_dir, $server->logfile, $server->name);
	$server->_update_pid(1);
	return;
}

# A disk that fills up: what the steps write is in a tablespace there.
SKIP:
{
	my $disk = PostgreSQL::Test::Utils::tempdir_short() . '/small';
	my ($shell, $why) = start_shell($disk, '96m');
	skip $why, 1 if !$shell;

	my $full = qr/53100: .*(?:No space left on device|wrote only \d+ of \d+ bytes)/;
	my $room = sub { leave_room($shell, $_[0]) };
	my $server = PostgreSQL::Test::Cluster->new('disk');
	$server->init;
	$server->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\njit = off\n");
	run_in($shell, 'mkdir ts export');
	start_in($shell, $server);
	make_database($server, 'postgres');
	$server->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk/ts'");
	# New partitions follow their parents.
	$server->safe_psql('postgres', "ALTER TABLE acct.$_ SET TABLESPACE small")
	  for qw(je_header_staging je_line_staging ledger_entry_header ledger_entry_line);
	for my $i (0 .. 2)
	{
		my ($name, $settings) = @{ $paths[$i] };
		load_quietly($server, 'postgres', '2025-01-01', $rows, $i);
		my $run = $server->safe_psql('postgres', "SELECT acct.create_run('2025-01-01', 'run-$i')");
		until_it_fits($server, 'postgres', "disk, $name, expand", 32, $room, "$settings SELECT * FROM acct.expand_journals($run)", $full);
		is($server->safe_psql('postgres', "$digest = 'run-$i'"), $expected{$i}, "disk, $name: expanded as ever");
		until_it_fits($server, 'postgres', "disk, $name, post", 32, $room, "$settings SELECT * FROM acct.post_journals($run)", $full);
		is($server->safe_psql('postgres', "SELECT acct.run_digest($run)"), $expected{$i}, "disk, $name: posted as ever");
	}
	is(broken_invariants($server, 'postgres'), '', 'disk: all invariants hold');
	is($server->safe_psql('postgres', 'SELECT bool_and(v.passed) FROM acct.journal_run r, acct.validate_run(r.run_id) v'), 't', 'disk: all runs are valid');

	# What is done with a month that is posted, in a database that is there as a whole, catalogs and all.
	my $database = sub { $server->safe_psql('small', $_[0]) };
	# What is logged next needs a page more.
	my $fill = sub {
		$database->(
			q{
			DO $$
			DECLARE
				size CONSTANT bigint := pg_relation_size('acct.run_log');
			BEGIN
				WHILE pg_relation_size('acct.run_log') = size LOOP
					INSERT INTO acct.run_log (step) VALUES ('validate');
				END LOOP;
				DELETE FROM acct.run_log WHERE log_id = (SELECT max(log_id) FROM acct.run_log);
			END
			$$;
			VACUUM acct.run_log;});
	};
	make_database($server, 'small');
	$server->safe_psql('postgres', 'ALTER DATABASE small SET TABLESPACE small');
	load_quietly($server, 'small', '2025-01-01', $rows, 0);
	$database->(q{
		SELECT * FROM acct.run_month('2025-01-01', 'run-0');
		SELECT acct.close_period(period_month, entity_code, basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.journal_number;});
	my $ledger = fingerprint($server, 'small');
	my $step = sub {
		my ($name, $from, $error, $sql, $holds) = @_;

		until_it_fits($server, 'small', "disk, $name", $from, $room, $sql, $error, $holds);
		is(broken_invariants($server, 'small'), '', "disk, $name: all invariants hold");
		is(fingerprint($server, 'small'), $ledger, "disk, $name: the ledger is as ever");
		return;
	};
	# Wrong balances stay as they are where they cannot be mended.
	my $wrong = $database->('UPDATE acct.account_balance_snapshot SET line_count = line_count + 1; SELECT count(*) FROM acct.check_balance_snapshot()');
	$database->('VACUUM FULL acct.account_balance_snapshot');
	$fill->();
	$step->('recompute', 4, $full, 'SELECT acct.update_balance_snapshot()', sub { $database->('SELECT count(*) FROM acct.check_balance_snapshot()') eq $wrong });
	$fill->();
	$step->('archive', 4, $full, "SELECT acct.archive_partition('ledger_entry', '2025-01-01')");
	my $export = "SELECT acct.export_archive('ledger_entry', '2025-01-01', '$disk/export'";
	my $recorded = 'SELECT exported_at IS NOT NULL, verified_at IS NOT NULL FROM acct.archived_partition';
	SKIP:
	{
		skip 'no gzip here', 3 if !IPC::Run::run([ 'gzip', '--version' ], '>', '/dev/null', '2>', '/dev/null');
		my $give_back = $room->(4);
		fails_with($server, 'small', "$export, compression => 'gzip')", qr/38000: .*gzip/, 'disk, export by gzip');
		$give_back->();
		is($database->($recorded), 'f|f', 'disk, export by gzip: nothing is recorded');
	}
	$step->('export', 64, qr/53100: +could not write to COPY file: No space left on device/, "$export)", sub { $database->($recorded) eq 'f|f' });
	$step->('verify', 64, $full, "SELECT acct.verify_archive(manifest) FROM acct.archived_partition", sub { $database->($recorded) eq 't|f' });
	is($database->($recorded), 't|t', 'disk: exported and verified');
	$fill->();
	$step->('restore', 4, $full, "SELECT acct.restore_partition('ledger_entry', '2025-01-01')");
	is($database->(q{SELECT acct.run_digest(run_id) FROM acct.journal_run}), $expected{0}, 'disk: the digest is as ever');
	$server->stop('immediate');
}

# The disk of the write-ahead log fills up: the server stops, as PostgreSQL has it, and recovers when there is room.
SKIP:
{
	my $disk = PostgreSQL::Test::Utils::tempdir_short() . '/wal';
	my ($shell, $why) = start_shell($disk, '24m');
	skip $why, 1 if !$shell;

	my $server = PostgreSQL::Test::Cluster->new('wal');
	my $data = $server->data_dir;
	$server->init(extra => ['--wal-segsize=1']);
	$server->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\njit = off\nmax_wal_size = 1GB\nwal_recycle = off\n");
	run_in($shell, "mv '$data/pg_wal' pg_wal && ln -s '$disk/pg_wal' '$data/pg_wal'");
	start_in($shell, $server);
	make_database($server, 'postgres');
	for my $i (0 .. 2)
	{
		my ($name, $settings) = @{ $paths[$i] };

		load_quietly($server, 'postgres', '2025-01-01', $rows, $i);
		my $run = $server->safe_psql('postgres', "SELECT acct.create_run('2025-01-01', 'run-$i')");
		$server->safe_psql('postgres', "$settings SELECT * FROM acct.expand_journals($run); CHECKPOINT");
		my $log = -s $server->logfile;
		my $session = start_session($server, 'postgres');
		my $give_back = leave_room($shell, 0);
		$session->submit("$settings SELECT * FROM acct.post_journals($run)");
		wait_until('posting', sub { $session->done });
		$session->finish;
		isnt($session->error, '', "write-ahead log, $name: post fails");
		$server->wait_for_log(qr/PANIC: .*No space left on device/, $log);
		$give_back->();
		# It may have come back, or given up.
		run_in($shell, "pg_ctl -m immediate -D '$data' stop >/dev/null || true");
		start_in($shell, $server);
		is(broken_invariants($server, 'postgres'), '', "write-ahead log, $name: nothing is broken");
		$server->safe_psql('postgres', "$settings SELECT * FROM acct.expand_journals($run); SELECT * FROM acct.post_journals($run)");
		is($server->safe_psql('postgres', "SELECT acct.run_digest($run)"), $expected{$i}, "write-ahead log, $name: posted as ever");
	}
	is(broken_invariants($server, 'postgres'), '', 'write-ahead log: all invariants hold');
	$server->stop;
}

# A file that may not grow, by the limit of its process.  Where nothing of a page can be written, the server's SQLSTATE is another.
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
		load_quietly($server, 'postgres', '2025-01-01', $file_rows, $i + 6);
		$server->safe_psql('postgres', "SELECT acct.create_run('2025-01-01', 'run-$i')");
	}
	# Each step of the three fails with the limit, then succeeds without it.
	for my $step ('expand_journals', 'post_journals')
	{
		# The largest catalog that a step extends still fits.  No page of what is larger is written later, only because somebody read it.
		$server->safe_psql('postgres', 'VACUUM (FREEZE)');
		my $kb = $server->safe_psql('postgres', q{SELECT greatest(1050, pg_relation_size('pg_attribute') / 1024 + 200)});
		$server->stop;
		$start->($kb);
		for my $i (0 .. 2)
		{
			my ($name, $settings) = @{ $paths[$i] };
			fails_with($server, 'postgres', "$settings SELECT * FROM acct.$step(acct.create_run('2025-01-01', 'run-$i'))",
				qr/53100: .*wrote only \d+ of \d+ bytes|XX000: .*File too large/, "file, $name: $step fails");
		}
		is(broken_invariants($server, 'postgres'), '', "file: $step broke nothing");
		$server->stop;
		$start->();
		for my $i (0 .. 2)
		{
			my ($name, $settings) = @{ $paths[$i] };
			$server->safe_psql('postgres', "$settings SELECT * FROM acct.$step(acct.create_run('2025-01-01', 'run-$i'))");
			is($server->safe_psql('postgres', "$digest = 'run-$i'"), $expected{$i + 6}, "file, $name: $step as ever");
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
my $first_room = $all ? 1 : 8;
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
	until_it_fits($node, 'locks', "locks, $name, expand", $first_room, $fill, "$settings SELECT * FROM acct.expand_journals($run)", qr/53200: +out of shared memory/);
	is($node->safe_psql('locks', "$digest = 'run-$i'"), $expected{$i}, "locks, $name: expanded as ever");
	until_it_fits($node, 'locks', "locks, $name, post", $first_room, $fill, "$settings SELECT * FROM acct.post_journals($run)", qr/53200: +out of shared memory/);
	is($node->safe_psql('locks', "SELECT acct.run_digest($run)"), $expected{$i}, "locks, $name: posted as ever");
}
is(broken_invariants($node, 'locks'), '', 'locks: all invariants hold');

# Very many partitions of source and ledger, and of runs in one month.  A query that reads all of the ledger needs a lock for each of
# its tables and indexes; balances are computed month by month.
{
	my $months = $all ? 2000 : 40;
	my $runs = $all ? 200 : 10;
	my $at_a_time = $all ? 50 : 20;

	make_database($node, 'many');
	$node->safe_psql('many', q{UPDATE acct.posting_limit SET value = 1900 WHERE name = 'first_year'});
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
	is($node->safe_psql('many', 'SELECT acct.update_balance_snapshot()'), '0', 'many: balances are right');
	fails_with($node, 'many', 'SELECT count(*) FROM acct.ledger_entry_line', qr/53200: +out of shared memory\nHINT:  .*max_locks_per_transaction/,
		'many: a query of the whole ledger needs more locks')
	  if $months > 500;
}

$node->stop;
done_testing();
