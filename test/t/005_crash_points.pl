# Each step is interrupted at each of the points that a build with CRASH_POINTS=1 has (src/common/crash_point.h): the process is killed,
# terminated or cancelled, or the server stops at once.  Each time nothing may be left, and the step done again must give what
# it gives undisturbed.  Each combination has a batch of its own, and in the end a second database gets the same batches in peace.
#
# Each point is tried in one way, in turn.  LEDGER_CRASH_POINTS=kill, shutdown, cancel or terminate tries each point in that way,
# minimal in one way with wal_level = minimal, where the pages of new files are not logged but synced, and all does all of this.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my @ways = ('kill -9', 'immediate shutdown', 'pg_cancel_backend', 'pg_terminate_backend');
my %way_of = (kill => $ways[0], shutdown => $ways[1], cancel => $ways[2], terminate => $ways[3]);
my $chosen = $ENV{LEDGER_CRASH_POINTS} || '';
die "LEDGER_CRASH_POINTS=$chosen" if $chosen !~ /^(?:all|minimal|)$/ && !$way_of{$chosen};
my $node = new_node('main', 'shared_buffers = 64MB', $chosen eq 'minimal' ? 'wal_level = minimal' : ());

make_database($node, 'crash');
plan skip_all => 'this build has no crash points (make CRASH_POINTS=1)'
  unless $node->safe_psql('crash', q{SELECT to_regproc('acct._crash_point') IS NOT NULL}) eq 't';
make_database($node, 'peace');
# The heap under another name stands for the access method of citus_columnar.
$node->safe_psql('crash', 'CREATE ACCESS METHOD columnar TYPE TABLE HANDLER heap_tableam_handler');

# The engine fills its own indexes of large runs: these are a site's, which the leader and a worker build.
$node->safe_psql($_, 'CREATE INDEX ON acct.ledger_entry_line (txn_id); CREATE INDEX ON acct.ledger_entry_line (run_id)') for 'crash', 'peace';

# Large runs take the way of pages and workers, small ones that of rows.
my $large = 'SET ledger_engine.run_partition_min_transactions = 0; SET min_parallel_table_scan_size = 0; SET ledger_engine.max_workers = 1;';
my $alone = $large =~ s/max_workers = 1/max_workers = 0/r; # a worker may take all of the work
my $small = 'SET ledger_engine.run_partition_min_transactions = -1; SET ledger_engine.max_workers = 0;';
my $small_own = "$small SET ledger_engine.staging_table_min_transactions = 0;"; # not in the staging that small runs share

# What is booked in two runs
my @set_aside = ('create', 'close_book', 'expand', 'reopen_book', 'post');

# What is booked in three: the second reverses the first, and the third books it again
my @taken_back = ('create', 'expand', 'post', 'reverse', 'expand_back', 'post_back');

# What is booked by a rule that changes then, so that there is something to correct
my @otherwise = ('create', 'expand', 'post', 'change_rule');

# How a point is reached: by what statement, after which steps, and what the run's status is before it.
my %step = (
	load => { call => "SELECT acct.generate_sample_transactions('MONTH', ROWS, SEED)" },
	create => { call => "SELECT acct.create_run('MONTH', 'KEY')", before => [], status => '' },
	expand => { call => 'SELECT * FROM acct.expand_journals(RUN)', before => ['create'], status => 'created' },
	post => { call => 'SELECT * FROM acct.post_journals(RUN)', before => [ 'create', 'expand' ], status => 'expanded' },
	discard => { call => 'SELECT acct.discard_run(RUN)', before => [ 'create', 'expand' ], status => 'expanded' },
	reprocess => { call => 'SELECT acct.reprocess_exceptions(RUN)', before => [ 'create', 'expand', 'post' ], status => 'posted' },
	# A run of what was set aside, for its period was closed
	expand_again => { call => 'SELECT * FROM acct.expand_journals(AGAIN)', before => [ @set_aside, 'reprocess' ], status => 'posted,created' },
	post_again => { call => 'SELECT * FROM acct.post_journals(AGAIN)', before => [ @set_aside, 'reprocess', 'expand_again' ], status => 'posted,expanded' },
	# Somebody else made the reversal, so that it can be posted here.
	reverse => { call => q{SELECT acct.reverse_run(RUN, date 'MONTH' + 100, 'Crash'); UPDATE acct.journal_run SET created_by = 'maker', created_by_role = NULL WHERE kind = 'reversal'},
		before => [ 'create', 'expand', 'post' ], status => 'posted' },
	journals => { call => q{SELECT acct.reverse_journals(ARRAY(SELECT je_id FROM acct.ledger_entry_header WHERE run_id = RUN AND txn_id % 3 = 0), date 'MONTH' + 100, 'Crash');
		UPDATE acct.journal_run SET created_by = 'maker', created_by_role = NULL WHERE kind = 'reversal'}, before => [ 'create', 'expand', 'post' ], status => 'posted' },
	expand_back => { call => 'SELECT * FROM acct.expand_journals(BACK)', before => [ 'create', 'expand', 'post', 'reverse' ], status => 'posted,created' },
	post_back => { call => 'SELECT * FROM acct.post_journals(BACK)', before => [ 'create', 'expand', 'post', 'reverse', 'expand_back' ], status => 'posted,expanded' },
	rebook => { call => 'SELECT acct.rebook_run(BACK)', before => \@taken_back, status => 'reversed,posted' },
	expand_anew => { call => 'SELECT * FROM acct.expand_journals(ANEW)', before => [ @taken_back, 'rebook' ], status => 'reversed,posted,created' },
	post_anew => { call => 'SELECT * FROM acct.post_journals(ANEW)', before => [ @taken_back, 'rebook', 'expand_anew' ], status => 'reversed,posted,expanded' },
	correct => { call => q{SELECT acct.correct_run(RUN, date 'MONTH' + 100, 'Crash'); UPDATE acct.journal_run SET created_by = 'maker', created_by_role = NULL WHERE kind = 'correction'},
		before => \@otherwise, status => 'posted' },
	expand_better => { call => 'SELECT * FROM acct.expand_journals(BETTER)', before => [ @otherwise, 'correct' ], status => 'posted,created' },
	post_better => { call => 'SELECT * FROM acct.post_journals(BETTER)', before => [ @otherwise, 'correct', 'expand_better' ], status => 'posted,expanded' },
	# A load, and its run, in one call
	book => { call => q{SELECT count(*) FROM acct.book_transactions((SELECT jsonb_agg(to_jsonb(s) - '{batch_id,attributes}'::text[] || jsonb_build_object('txn_id', s.txn_id + 900000000) ORDER BY s.txn_id)
		FROM (SELECT * FROM acct.txn_source_parent WHERE txn_month = 'MONTH' ORDER BY txn_id DESC LIMIT 20) AS s), 'KEY')}, before => [], status => '' },
	# A manual journal and its reversal, approved by another person
	enter => { call => q{INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo, auto_reverse_on) VALUES ('MAIN', date 'MONTH' + 27, 'IDR', 'KEY', date 'MONTH' + 40);
		INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) VALUES (MANUAL, '1510', 'OPERATOR', 7, 0), (MANUAL, '1230', 'OPERATOR', 0, 7)} },
	submit => { call => 'SELECT acct.submit_manual_journal(MANUAL)', before => ['enter'], status => '' },
	manual => { call => "$by_another SELECT * FROM acct.approve_manual_journal(MANUAL)", before => [ 'enter', 'submit' ], status => '' },
	close_book => { call => "SELECT acct.close_period('MONTH', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')" },
	reopen_book => { call => "SELECT acct.reopen_period('MONTH', 'MAIN', 'PRIMARY')" },
	snapshot => { call => 'SELECT acct.update_balance_snapshot()', before => [ 'create', 'expand', 'post', 'spoil' ], status => 'posted' },
	# A balance that is to be computed again, after the months that are archived
	spoil => { call => q{UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 1, closing_balance = closing_balance + 1
		WHERE ctid = (SELECT ctid FROM acct.account_balance_snapshot WHERE snapshot_month >= '2025-01-01' LIMIT 1)} },
	# A book of its own, whose year ends with the month
	year_book => { call => q{INSERT INTO acct.entity (entity_code) VALUES ('KEY');
		SELECT count(*) FROM acct.book_transactions((SELECT jsonb_agg(to_jsonb(s) - '{batch_id,attributes}'::text[] || jsonb_build_object('txn_id', -s.txn_id - 100000000000000 * substr('KEY', 5)::bigint, 'entity_code', 'KEY', 'bank_value_date', 'MONTH') ORDER BY s.txn_id)
		FROM (SELECT * FROM acct.txn_source_parent WHERE txn_month = 'MONTH' AND txn_id > 0 ORDER BY txn_id DESC LIMIT 60) AS s), 'KEY');
		SELECT acct.set_book('KEY', 'PRIMARY', jsonb_build_object('first_year_month', extract(month FROM date 'MONTH' + 31)))} },
	year => { call => "SELECT * FROM acct.close_year(acct.month_end('MONTH'), 'KEY', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'Crash')",
		before => ['year_book'], status => 'posted' },
	yearopen => { call => "SELECT acct.reopen_year(acct.month_end('MONTH'), 'KEY', 'PRIMARY', 'Crash')", before => [ 'year_book', 'year' ], status => 'posted' },
	rehearse => { call => "SELECT * FROM acct.rehearse_close('MONTH', 'KEY', 'PRIMARY')", before => ['year_book'], status => 'posted' },
	rotate => { call => "SELECT * FROM acct.rotate_ledger_partitions(0, 'AHEAD')", before => ['create'], status => 'created' },
	close => { call => "SELECT acct.close_period(period_month, entity_code, basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.journal_number WHERE period_month = 'MONTH'",
		before => [ 'create', 'expand', 'post' ], status => 'posted' },
	checkpoint => { call => 'SELECT acct.ledger_checkpoint()', before => [ 'create', 'expand', 'post' ], status => 'posted' },
	# What was posted before there were seals
	unseal => { call => q{ALTER TABLE acct.ledger_seal DISABLE TRIGGER USER; ALTER TABLE acct.ledger_seal_evidence DISABLE TRIGGER USER;
		WITH gone AS (DELETE FROM acct.ledger_seal WHERE run_id = RUN OR kind = 'month' RETURNING seal_id) DELETE FROM acct.ledger_seal_evidence AS e USING gone WHERE e.seal_id = gone.seal_id;
		ALTER TABLE acct.ledger_seal ENABLE ALWAYS TRIGGER ledger_seal_immutable; ALTER TABLE acct.ledger_seal_evidence ENABLE ALWAYS TRIGGER ledger_seal_evidence_immutable} },
	seal => { call => 'SELECT * FROM acct.seal_ledger()', before => [ 'create', 'expand', 'post', 'unseal' ], status => 'posted' },
	archive => { call => "SELECT acct.archive_partition('ledger_entry', 'MONTH')", before => [ 'create', 'expand', 'post', 'close' ], status => 'posted' },
	compress => { call => "SELECT acct.compress_archive('MONTH')", before => [ 'create', 'expand', 'post', 'close', 'archive' ], status => 'posted' },
	# A month that was compressed, so that it is rewritten too
	restore => { call => "SELECT acct.restore_partition('ledger_entry', 'MONTH')", before => [ 'create', 'expand', 'post', 'close', 'archive', 'compress' ], status => 'posted' },
	retire => { call => "UPDATE acct.je_exception SET resolved_by_run = run_id WHERE txn_month = 'MONTH'; SELECT acct._move_to_archive('txn_source_parent', 'MONTH', acct._month_figures('txn_source_parent', 'MONTH'), '5 seconds')" },
	drop => { call => "SELECT acct._drop_archived(max(archive_id)) FROM acct.archived_partition WHERE month = 'MONTH'", before => [ 'create', 'expand', 'post', 'retire' ], status => 'posted' },
	records => { call => "SELECT acct._retire_records('run_log', 'infinity')", before => [ 'create', 'expand', 'post' ], status => 'posted' },
	staging => { call => 'SELECT acct._retire_staging(RUN)', before => [ 'create', 'expand', 'post' ], status => 'posted' },
	# Of all runs that share it
	shared => { call => "UPDATE acct.retention_policy SET active_days = 0 WHERE table_name = 'je_staging'; SELECT acct._retire_shared_staging()",
		before => [ 'create', 'expand', 'post' ], status => 'posted' });

my $n = 0; # combination
my $retired = 0; # combinations with a month of their own
my $corrected = 0; # combinations in which a rule changes
my $month;
my $rows; # of the combination's batch
my @peace; # for each combination what is done in the second database, and what it has to come to

sub sql { return $node->safe_psql('crash', $_[0]); }

# Months that are archived, or whose source is dropped, are nobody else's, nor are those beside them, where value dates may lie.
sub choose_month
{
	my ($name) = @_;

	$month = $name =~ /^(?:archive|compress|restore|drop|close)$/
	  ? sprintf('%d-%02d-01', ($chosen eq 'all' ? 2010 : 2022) + int($retired / 6), $retired % 6 * 2 + 1)
	  : sprintf('2025-%02d-01', $n % 6 + 1);
	$retired++ if $month !~ /^2025/;
	return;
}

# The points that the code has; each must be one of a step above.
sub points
{
	my $top = "$FindBin::RealBin/../..";
	my @points;

	for my $file (glob("$top/src/*.c $top/src/*/*.c $top/sql/*/*.sql"))
	{
		my $text = slurp_file($file);
		push @points, $text =~ /CRASH_POINT\("(\w+)"\)/g, $text =~ /-- crash point: (\w+)$/mg;
	}
	return sort @points;
}

# A statement for the combination's run.
sub fill
{
	my ($call, $run) = @_;
	my $ahead = sprintf '%d-%02d-01', 2040 + int($n / 12), $n % 12 + 1;
	my $again = "(SELECT max(run_id) FROM acct.journal_run WHERE reprocess_of = $run)";

	my $back = "(SELECT max(run_id) FROM acct.journal_run WHERE kind = 'reversal' AND origin_run = $run AND status <> 'discarded')";

	my $anew = "(SELECT max(run_id) FROM acct.journal_run WHERE kind = 'transaction' AND origin_run = $back AND status <> 'discarded')";

	my $better = "(SELECT max(run_id) FROM acct.journal_run WHERE kind = 'correction' AND origin_run = $run AND status <> 'discarded')";

	my $manual = "(SELECT max(journal_id) FROM acct.manual_journal WHERE memo = 'key-$n')";

	return $call =~ s/MANUAL/$manual/gr =~ s/KEY/key-$n/r =~ s/AGAIN/$again/r =~ s/BETTER/$better/r =~ s/ANEW/$anew/r =~ s/BACK/$back/r =~ s/MONTH/$month/gr =~ s/KEY/key-$n/gr =~ s/AHEAD/$ahead/r =~ s/RUN/$run/r =~ s/ROWS/$rows/r =~ s/SEED/$n/r;
}

# A process that waits at a point says so in this file. So the server need not be asked again and again.
my $reached = $node->data_dir . '/crash_point_reached';

# The process that waits at the point; "none" where the statement came to its end without that.
sub waiting_at
{
	my ($point, $session) = @_;

	return wait_until(
		$point,
		sub {
			return $1 if -e $reached && slurp_file($reached) =~ /^\Q$point\E (\d+)\n/m;
			return $session->done ? 'none' : undef;
		},
		5_000);
}

sub interrupt
{
	my ($way, $pid) = @_;

	if ($way eq 'kill -9')
	{
		my $log = -s $node->logfile;

		kill 'KILL', $pid or die "kill $pid: $!";
		$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log);
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
	return;
}

# The runs of this combination: one, or that of its exceptions, its reversal or its rebooking too.
sub of_runs
{
	my ($db, $what) = @_;

	return $node->safe_psql($db, query_of_runs($what));
}

sub query_of_runs
{
	my ($what) = @_;

	return "SELECT $what FROM acct.journal_run
		WHERE status <> 'discarded' AND 'key-$n' IN (run_key, reason, (SELECT o.run_key FROM acct.journal_run AS o WHERE o.run_id IN (journal_run.reprocess_of, journal_run.origin_run)),
		(SELECT o.run_key FROM acct.journal_run AS b JOIN acct.journal_run AS o ON o.run_id = b.origin_run WHERE b.run_id = journal_run.origin_run))";
}

sub run_of { return of_runs($_[0], "max(run_id) FILTER (WHERE run_key = 'key-$n')"); }

# The ways in which a point is interrupted
sub ways_of
{
	my ($i) = @_;

	return $chosen eq 'all' ? @ways : $way_of{$chosen} || $ways[ ($i + ($chosen eq 'minimal')) % @ways ];
}

sub status_of { return of_runs($_[0], "coalesce(string_agg(status, ',' ORDER BY run_id), '')"); }

# What they came to.
my $outcome = "string_agg(concat_ws('|', status, transactions, journals, lines, exceptions, ignored, debit, credit, digest), ',' ORDER BY run_id)";

# The statements of steps; the settings are those of the way that they take.
sub script_of
{
	my ($settings, @names) = @_;
	my $script = '';

	for my $name (@names)
	{
		$script .= query_of_runs("coalesce(max(run_id) FILTER (WHERE run_key = 'key-$n'), 0) AS run") . " \\gset\n"
		  if $name ne 'load';
		$script .= "$settings\n" . ($name eq 'change_rule' ? taxes_changed($month, 0.05 + $corrected / 1000) : fill($step{$name}{call}, ':run') . ';')
		  . "\nRESET SESSION AUTHORIZATION;\n";
		$script .= "$statistics\n" if $name eq 'load' && $n % 4 == 0;
	}
	return $script;
}

# Does the steps of a run undisturbed.  All of them in one session: it is what takes the time.
sub do_steps
{
	my ($settings, @names) = @_;
	my $script = script_of($settings, @names);

	$node->safe_psql('crash', $script) if $script;
	return run_of('crash');
}

# The same batches in peace, in the second database: row by row, where that is fast enough.
sub do_in_peace
{
	my $script = join '', map { "RESET ALL;\n\\o /dev/null\n$_->{script}\\o\n$_->{query};\n" } @peace;
	my @outcomes = split /\n/, $node->safe_psql('peace', $script), -1;

	is(scalar @outcomes, scalar @peace, 'all is done in peace');
	is($peace[$_]{outcome}, $outcomes[$_], "$peace[$_]{what}: done again, it gives the same") for 0 .. $#peace;
	return;
}

sub combine
{
	my ($point, $way, $name, $settings) = @_;
	($name) = $point =~ /^([a-z]+)_/ or die "point $point" if !$name;
	$name = 'expand_back' if $name eq 'reversal';
	$name = 'expand_better' if $name eq 'correction';
	my $step = $step{$name} or die "no step has point $point";
	$settings //= $point =~ /^(?:post_heap_rows|shared_)/ ? $small : $point =~ /^(?:expand_row|post_copied|post_index_(?:built|filled)|post_filling_index)$/ ? $alone : $large;
	my @whole = $name =~ /again/ ? (@set_aside, 'reprocess', 'expand_again', 'post_again') : ('create', 'expand', 'post', $name =~ /^(?:reprocess|reverse|journals)$/ ? $name : (),
		$name =~ /back/ ? ('reverse', 'expand_back') : (), $name eq 'post_back' ? $name : ());
	@whole = (@taken_back, 'rebook', $name =~ /anew/ ? 'expand_anew' : (), $name eq 'post_anew' ? $name : ()) if $name =~ /anew|rebook/;
	@whole = (@otherwise, 'correct', $name =~ /better/ ? 'expand_better' : (), $name eq 'post_better' ? $name : ()) if $name =~ /better|^correct$/;
	@whole = ('book') if $name eq 'book';
	@whole = ('enter', 'submit', 'manual', 'create', 'expand', 'post') if $name =~ /^(?:submit|manual)$/;
	@whole = ('year_book', $name eq 'rehearse' ? () : 'year', $name eq 'yearopen' ? $name : ()) if $name =~ /^(?:year|rehearse)/;
	my $what = join ', ', $point, $way, $name =~ /again|back|anew|better/ ? $name : (), $settings eq $small ? 'small' : $settings eq $small_own ? 'small, own staging' : ();
	my ($run, $session, $pid);

	$n++;
	$corrected++ if $name =~ /better|^correct$/;
	choose_month($name);
	# Workers must come to have something to do.
	$rows = $point =~ /worker/ ? 20_000 : $chosen ? 600 : 240;
	$run = do_steps($settings, 'load', @{ $step->{before} });
	$session = start_session($node, 'crash');
	$session->submit("$settings SET ledger_engine.crash_point = '$point'");
	wait_until('settings', sub { $session->done }, 1000);
	unlink $reached;
	$session->submit(fill($step->{call}, $run || 0));
	$pid = waiting_at($point, $session);
	isnt($pid, 'none', "$what: reached");
	interrupt($way, $pid) if $pid ne 'none';
	$session->finish;
	like(
		$session->error,
		qr/ERROR:  57014|(?:FATAL|ERROR):  57P01|server closed the connection|lost connection to parallel worker/,
		"$what: interrupted");
	is(status_of('crash'), $step->{status}, "$what: the run is where it was");
	# These are computed again while the invariants are looked at.
	isnt(sql('SELECT count(*) FROM acct.check_balance_snapshot()'), '0', "$what: the balance is as wrong as it was") if $name eq 'snapshot';
	is(sql(fill($step->{call}, $run)), '1', "$what: the balance is right") if $name eq 'snapshot';
	# These read all that there is: without LEDGER_CRASH_POINTS after every twelfth combination.
	if ($chosen || $n % 12 == 0)
	{
		is(broken_invariants($node, 'crash', 5), '', "$what: all invariants hold");
		amcheck($what);
	}

	# A crash empties staging.
	if ($name =~ /^post/ && $way =~ /kill|shutdown/)
	{
		fails_with($node, 'crash', fill($step->{call}, $run),
			qr/ERROR:  LE002:.*lost in a crash/, "$what: posting sees that staging was lost");
		do_steps($settings, $name =~ s/post/expand/r);
	}
	do_steps($settings, $name, $name eq 'submit' ? 'manual' : (),
		$name =~ /^(?:book|year|yearopen|rehearse)$/ ? () : $name =~ /again/ ? 'post_again' : ('create', 'expand', 'post'));
	push @peace, { what => $what, script => script_of($rows > 600 ? $large : $small, 'load', @whole), query => query_of_runs($outcome), outcome => of_runs('crash', $outcome) };
	cmp_ok(of_runs('crash', q{max(journals) FILTER (WHERE kind = 'correction')}), '>', 0, "$what: there was something to correct") if $name =~ /better/;
	if ($name eq 'archive')
	{
		is(broken_invariants($node, 'crash'), '', "$what: archived, all invariants hold");
		do_steps($settings, 'restore');
	}
	return;
}

# Are the tables and indexes whole that a step writes?
sub amcheck
{
	my ($what) = @_;

	SKIP:
	{
		skip 'no pg_amcheck here', 1 if !has_amcheck($node);
		$node->command_ok([ 'pg_amcheck', '--install-missing', '--heapallindexed', '--schema', 'acct*', 'crash' ], "$what: pg_amcheck finds nothing");
	}
	return;
}

# What the ledger of all runs says; with workers, journals of a run are numbered in any order.
sub ledger
{
	my ($db) = @_;
	my $what = fingerprint($node, $db, "run_id IN (SELECT run_id FROM acct.journal_run WHERE status <> 'discarded')");

	return $what =~ s/^(headers\|.*)\|\S*$/$1/mr;
}

my @points = points();
cmp_ok(scalar @points, '>=', 30, 'there are crash points');
# Those of workers come last, as their batches are large.
my @of_workers = grep { $points[$_] =~ /worker/ } 0 .. $#points;
for my $i (grep { $points[$_] !~ /worker/ } 0 .. $#points)
{
	combine($points[$i], $_) for ways_of($i);
}
# Small runs, which share staging, at what they do otherwise than large ones; and one that does not share it.
my @of_small = qw(expand_staging_made expand_row expand_rows_done expand_written expand_attached expand_done post_opened post_headers
	post_rows_written post_checked post_done discard_dropped discard_released);
# And in runs of other kinds
my @others = (
	[ 'expand_row', 1, undef, $small_own ], [ 'post_heap_rows', 0, undef, $small_own ],
	[ 'expand_recorded', 0, 'expand_again' ], [ 'post_copied', 1, 'post_again' ], [ 'post_marked', 2, 'post_again' ],
	[ 'expand_attached', 3, 'expand_back' ], [ 'post_locked', 0, 'post_back' ], [ 'post_copied', 3, 'post_back' ], [ 'post_marked', 1, 'post_back' ],
	[ 'expand_rows_done', 2, 'expand_anew' ], [ 'post_copied', 0, 'post_anew' ],
	[ 'expand_attached', 1, 'expand_better' ], [ 'post_rows_written', 2, 'post_better' ], [ 'post_marked', 0, 'post_better' ],
	[ 'reversal_lines', 2, undef, $small ]);
if ($chosen ne 'minimal')
{
	for my $i (0 .. $#of_small)
	{
		combine($of_small[$i], $_, undef, $small) for ways_of($i);
	}
	for (@others)
	{
		my ($point, $way, @how) = @$_;

		combine($point, $ways[$way], @how) if !$way_of{$chosen} || $way_of{$chosen} eq $ways[$way];
	}
}
for my $i (@of_workers)
{
	combine($points[$i], $_) for ways_of($i);
}
if ($chosen eq 'all')
{
	$node->append_conf('postgresql.conf', 'wal_level = minimal');
	$node->restart;
	combine($points[$_], $ways[ ($_ + 1) % @ways ]) for 0 .. $#points;
}
note "$n combinations";
do_in_peace();
is(ledger('crash'), ledger('peace'), 'same ledger as in peace');
is(
	sql("SELECT * FROM acct.trial_balance('2025-06-01')"),
	$node->safe_psql('peace', "SELECT * FROM acct.trial_balance('2025-06-01')"),
	'same trial balance as in peace');
is(broken_invariants($node, 'crash'), '', 'at the end: all invariants hold');
# Not each balance of a book against all others
my $began = time;
is(sql('SELECT acct.update_balance_snapshot()'), '0', 'at the end: balances are right');
cmp_ok(time - $began, '<', 15, 'at the end: thousands of balances are recomputed in seconds');
amcheck('at the end');
$node->stop;
done_testing();
