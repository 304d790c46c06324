# What a posting promised is there when the power comes back.  The server runs on a disk that keeps what was synced and nothing
# else (power_loss.c), with each wal_level that pages are written past shared buffers with.  Checkpoints come while a step waits
# at a point (src/common/crash_point.h), before it, after it and at random; then the power is lost: none, some or all of what was not
# synced survives, the last being a crash of the server alone.  Staging may be lost; the ledger may not.
#
# LEDGER_DURABILITY=all tries each point in each way, and 100 random moments; LEDGER_SEED: of the random numbers.
use strict;
use warnings FATAL => 'all';

use Cwd qw(realpath);
use File::Path qw(make_path);
use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $all = ($ENV{LEDGER_DURABILITY} || '') eq 'all';
my $seed = random_seed();
my $rows = 300;
my ($library, $program) = map { PostgreSQL::Test::Utils::tempdir . "/$_" } 'power_loss.so', 'power_loss';
my ($node, $peace, $disk, $n, %promised);
my $seconds; # that the last run took

# As in an installation, save that checkpoints come when the test says so.
my @settings = ('shared_buffers = 2MB', 'max_wal_senders = 0', 'checkpoint_timeout = 1h', 'max_wal_size = 1GB', 'max_worker_processes = 16',
	'wal_sync_method = fdatasync');

# The ways of a run; small tables that are not logged are logged or synced at the commit.
my $pages = 'SET ledger_engine.run_partition_min_transactions = 0; SET min_parallel_table_scan_size = 0; SET ledger_engine.max_workers = 1;';
my $skip = 'SET wal_skip_threshold = 0;';
my @ways = ($pages, "$pages $skip", 'SET ledger_engine.run_partition_min_transactions = -1; SET ledger_engine.max_workers = 0;');

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Each batch has a month of its own, and the one after it, where value dates may lie, so that all its tables are new.
sub month
{
	my $batch = $_[0] || $n;

	return sprintf '%d-%02d-01', 2023 + int($batch / 6), $batch % 6 * 2 + 1;
}

sub run_of { return sql("SELECT run_id FROM acct.journal_run WHERE run_key = 'key-$n'"); }

# Runs something on the disk.
sub on_disk
{
	my ($function) = @_;
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{POWER_LOSS_LIVE} = realpath($node->data_dir);
	local $ENV{POWER_LOSS_DISK} = $disk;

	return $function->();
}

# PostgreSQL bug 17731: where a checkpoint was interrupted after it synced the main fork of an unlogged index, and before its init
# fork, recovery does not get past that file, which the next start does.
sub start_on_disk
{
	my $start = sub { $node->start(fail_ok => 1) };
	my $log = -s $node->logfile || 0;

	return if on_disk($start);
	die 'the server does not start' if slurp_file($node->logfile, $log) !~ /could not create file "[^"]*": File exists/;
	note 'the server starts the second time (PostgreSQL bug 17731)';
	on_disk($start) or die 'the server does not start';
	return;
}

# Puts all that a stopped server has on the disk.
sub sync_all
{
	on_disk(sub { system_or_bail('initdb', '--sync-only', '-D', $node->data_dir) });
	return;
}

# So many percent of what was not synced survive; all of it where the server alone crashes.
sub lose_power
{
	my ($percent, $how) = @_;

	$node->stop($how || 'immediate');
	system_or_bail($program, $node->data_dir, $disk, $percent, ++$seed) if $percent < 100;
	unlink $node->data_dir . '/postmaster.pid';
	start_on_disk();
	return;
}

sub intact
{
	my ($what) = @_;
	my $posted = sql("SELECT run_key, acct.run_digest(run_id) FROM acct.journal_run WHERE status = 'posted' ORDER BY run_id");

	is($posted, join("\n", map { "key-$_|$promised{$_}" } sort { $a <=> $b } keys %promised), "$what: all runs are there");
	return;
}

# Nothing mends what was lost, so that one look at everything is enough.
sub all_intact
{
	my ($wal_level) = @_;

	is(broken_invariants($node, 'postgres'), '', "$wal_level: all invariants hold");
	in_peace() if !$peace->{ledger};
	is(ledger($node), $peace->{ledger}, "$wal_level: same ledger as in peace");
	SKIP:
	{
		skip 'no pg_amcheck here', 1
		  unless -x $node->config_data('--bindir') . '/pg_amcheck'
		  && sql(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'}) eq '1';
		$node->command_ok([ 'pg_amcheck', '--install-missing', '--heapallindexed', 'postgres' ], "$wal_level: pg_amcheck finds nothing");
	}
	return;
}

# What the run's lines must be from now on.
sub promise
{
	$promised{$n} = sql("SELECT digest FROM acct.journal_run WHERE run_key = 'key-$n'");
	return;
}

# A session whose step waits at the points, also where its files were made and nothing is written yet.  There a checkpoint syncs
# the files, as PostgreSQL has it do with new ones, so that none is left to be synced by chance.
sub start_step
{
	my ($step, @points) = @_;
	my $session = start_session($node, 'postgres');
	my $opened = "${step}_opened";
	my $alone = grep({ /worker/ } @points) ? '' : 'SET ledger_engine.max_workers = 0;';

	unlink glob($node->data_dir . '/crash_point_*');
	$session->submit("$ways[$n % 2] $alone SET ledger_engine.crash_point = '" . join(',', $opened, @points) . q{'});
	wait_until('settings', sub { $session->done }, 1000);
	$session->submit("SELECT * FROM acct.${step}_journals(" . run_of() . ')');
	arrive($session, $opened);
	sql('CHECKPOINT');
	release($opened);
	return $session;
}

sub arrive
{
	my ($session, $point) = @_;

	wait_until(
		$point,
		sub {
			die "$point is not reached: " . $session->error if $session->done;
			my $reached = $node->data_dir . '/crash_point_reached';
			return -e $reached && slurp_file($reached) =~ /^\Q$point\E \d+\n/m;
		},
		1000);
	return;
}

sub release
{
	append_to_file($node->data_dir . "/crash_point_$_[0]", '');
	return;
}

sub finish_step
{
	my ($session) = @_;

	$session->finish;
	die $session->error if $session->error;
	return;
}

# What new_file.c did with the files of a table, or of its keys.
sub syncs
{
	my ($table, $log) = @_;
	my %how = map { $_ => 1 } slurp_file($node->logfile, $log) =~ /LOG:  $table: (left to the next checkpoint|synced at once)/g;

	return join ', ', sort keys %how;
}

# A new batch, before the step.
sub begin
{
	my ($step) = @_;

	$n++;
	load_quietly($node, 'postgres', month(), $rows, $n);
	sql("SELECT acct.create_run('" . month() . "', 'key-$n')");
	sql("$pages SELECT * FROM acct.expand_journals(" . run_of() . ')') if $step eq 'post';
	return;
}

sub post
{
	sql("$ways[$n % 2] SELECT * FROM acct.post_journals(" . run_of() . ')');
	promise();
	return;
}

# What may have been lost of a run is done again.
sub run_again
{
	my $began = time;

	sql("SELECT acct.create_run('" . month() . "', 'key-$n')");
	sql("$pages SELECT * FROM acct.expand_journals(" . run_of() . ')');
	post();
	$seconds = time - $began;
	return;
}

# A checkpoint comes at a point, perhaps another one after the commit, then the power is lost.
sub checkpoint_at
{
	my ($point, $after, $percent, $wal_level) = @_;
	my ($step) = $point =~ /^(expand|post)_/ or die $point;
	my $what = "$wal_level, checkpoint at $point" . ($after ? ' and after' : '') . ", $percent %";
	my $table = ($step eq 'post' ? 'ledger_entry' : 'je') . '_line\w*(?<!_pkey)(?<!_idx)';
	# A worker has something to do as long as the leader waits.
	my @points = ($point =~ /worker/ ? 'post_headers' : (), $point);
	my ($session, $log);

	begin($step);
	$log = -s $node->logfile;
	$session = start_step($step, @points);
	arrive($session, $_) for @points;
	sql('CHECKPOINT');
	release($_) for @points;
	finish_step($session);
	# A checkpoint left nothing out of what is not logged: staging, and all new tables with wal_level = minimal.
	is(
		syncs($table, $log),
		$wal_level eq 'replica' && $point =~ /^post_(?:reserved|headers|(?:worker_)?copied|filling_index|pages_written)$/ ? 'synced at once' : 'left to the next checkpoint',
		"$what: synced");
	is(syncs('ledger_entry_line\w*_run_\d+_pkey', $log), 'synced at once', "$what: key synced") if $point eq 'post_filling_index' && $wal_level eq 'replica';
	$step eq 'post' ? promise() : post();
	sql('CHECKPOINT') if $after;
	lose_power($percent);
	intact($what);
	return;
}

# A checkpoint that begins after the question whether one began waits until the sync was asked for.
sub checkpoint_waits
{
	my ($wal_level) = @_;
	my $what = "$wal_level, checkpoint before a sync is asked for";
	my $point = 'post_before_sync';
	my ($session, $checkpoint, $log, $end);

	begin('post');
	$session = start_step('post', $point);
	arrive($session, $point);
	$log = -s $node->logfile;
	$checkpoint = start_session($node, 'postgres');
	$checkpoint->submit('CHECKPOINT');
	$node->wait_for_log(qr/checkpoint starting/, $log);
	$end = time + 0.5;
	usleep(1000) while !$checkpoint->done && time < $end;
	ok(!$checkpoint->done, "$what: waits");
	release($point);
	finish_step($_) for $session, $checkpoint;
	promise();
	lose_power(0);
	intact($what);
	return;
}

# The power is lost while a step waits at a point, after a checkpoint.
sub lose_at
{
	my ($point, $percent, $wal_level) = @_;
	my ($step) = $point =~ /^(expand|post)_/ or die $point;
	my $what = "$wal_level, lost at $point, $percent %";
	my $session;

	begin($step);
	$session = start_step($step, $point);
	arrive($session, $point);
	sql('CHECKPOINT');
	lose_power($percent);
	$session->finish;
	intact($what);
	run_again();
	return;
}

# A shutdown is no crash: staging outlasts a loss of power after it.
sub shut_down
{
	my ($checkpoint, $wal_level) = @_;
	my $what = "$wal_level, lost after a shutdown" . ($checkpoint ? ', checkpoint meanwhile' : '');
	my $point = 'expand_rows_done';
	my $session;

	begin('expand');
	$session = start_step('expand', $checkpoint ? $point : ());
	if ($checkpoint)
	{
		arrive($session, $point);
		sql('CHECKPOINT');
		release($point);
	}
	finish_step($session);
	lose_power(0, 'fast');
	is(eval { failing_checks($node, 'postgres', run_of()) } // $@, '', "$what: staging is there");
	post();
	intact($what);
	return;
}

# The power is lost at any moment of a run, or after it, with checkpoints at any others.
sub lose_any_time
{
	my ($wal_level) = @_;
	my $percent = int(rand(3)) * 50;
	my $lost_after = rand(2 * $seconds);
	my $checkpoint_after = 0;
	my ($session, $checkpoint) = map { start_session($node, 'postgres') } 1, 2;
	my ($began, $returned);

	$n++;
	load_quietly($node, 'postgres', month(), $rows, $n);
	$session->submit("$ways[int(rand(@ways))] SELECT * FROM acct.run_month('" . month() . "', 'key-$n')");
	$began = time;
	for (my $passed = 0; $passed < $lost_after; $passed = time - $began)
	{
		if ($passed >= $checkpoint_after && $checkpoint->done)
		{
			$checkpoint->submit('CHECKPOINT');
			$checkpoint_after = $passed + rand($seconds / 2);
		}
		usleep(1000);
	}
	$returned = $session->done;
	die $session->error if $session->error;
	lose_power($percent);
	$_->finish for $session, $checkpoint;
	promise() if $returned || sql("SELECT status FROM acct.journal_run WHERE run_key = 'key-$n'") eq 'posted';
	intact("$wal_level, batch $n, lost " . ($returned ? 'after it was posted' : 'meanwhile') . ", $percent %");
	run_again() if !$promised{$n};
	return;
}

# Without syncs nothing is left of what was done: the disk is one.
sub lose_unsynced
{
	my ($wal_level) = @_;

	$node->stop;
	$node->append_conf('postgresql.conf', 'fsync = off');
	sync_all();
	start_on_disk();
	sql('CREATE TABLE unsynced AS SELECT 1 AS a');
	sql('CHECKPOINT');
	lose_power(0);
	is(sql("SELECT to_regclass('unsynced')"), '', "$wal_level: what was not synced is lost");
	intact("$wal_level, without fsync");
	return;
}

# What the ledger of all runs says; with workers, journals of a run are numbered in any order.
sub ledger
{
	return fingerprint($_[0], 'postgres') =~ s/^(headers\|.*)\|\S*$/$1/mr;
}

# The same batches where nothing is lost.
sub in_peace
{
	for my $batch (1 .. $n)
	{
		load_quietly($peace, 'postgres', month($batch), $rows, $batch);
		$peace->safe_psql('postgres', "$pages SELECT * FROM acct.run_month('" . month($batch) . "', 'key-$batch')");
	}
	$peace->{ledger} = ledger($peace);
	return;
}

# The points at which a checkpoint comes.
my %points = (
	replica => [qw(expand_row post_worker_copied post_filling_index post_pages_written post_rows_written post_index_built)],
	minimal => [qw(expand_rows_done post_headers post_copied post_filling_index post_index_files post_checked)]);

@points{ 'replica', 'minimal' } = ([ 'post_reserved', sort map { @$_ } values %points ]) x 2 if $all;

$peace = new_node('peace');
make_database($peace, 'postgres');
plan skip_all => 'this build has no crash points (make CRASH_POINTS=1)'
  unless $peace->safe_psql('postgres', q{SELECT to_regproc('acct._crash_point') IS NOT NULL}) eq 't';
plan skip_all => 'the disk is made of what Linux has' unless $^O eq 'linux';
system_or_bail('gcc', '-O2', @$_, "$FindBin::RealBin/power_loss.c") for [ '-shared', '-fPIC', '-o', $library ], [ '-o', $program ];
srand($seed);

for my $wal_level ('replica', 'minimal')
{
	$node = new_node($wal_level, { extra => [ '--data-checksums', '--wal-segsize=1' ] }, "wal_level = $wal_level", @settings);
	$disk = $node->basedir . '/disk';
	make_path("$disk/inodes", "$disk/names");
	$n = 0;
	%promised = ();
	make_database($node, 'postgres');
	$node->stop;
	$node->append_conf('postgresql.conf', 'fsync = on');
	sync_all();
	start_on_disk();

	for my $point (@{ $points{$wal_level} })
	{
		for my $percent ($all ? (0, 50, 100) : (0, 50, 0, 0, 50)[ $n % 5 ])
		{
			checkpoint_at($point, $_, $percent, $wal_level) for $all ? (0, 1) : $n % 2;
			lose_at($point, $percent, $wal_level) if $all && $point !~ /worker/;
		}
	}
	checkpoint_waits($wal_level);
	lose_at('post_index_built', 50, $wal_level) if !$all;
	shut_down($_, $wal_level) for $all ? (0, 1) : $wal_level eq 'minimal';
	lose_any_time($wal_level) for 1 .. ($all ? 50 : 3);
	all_intact($wal_level);
	lose_unsynced($wal_level);
	$node->stop;
}
$peace->stop;
done_testing();
