# A day at the office, in a few seconds: sessions that load, make runs, post, discard, reprocess, recompute, rotate, close and
# reopen, all at once, and readers whose every query must see a ledger that agrees.  Nothing may deadlock, and at the end
# each transaction is journalled, an exception, or ignored.  Then the same while processes are cancelled, terminated and killed, and the
# server is stopped at once.  Before all that many sessions call each step at the same moment: one of them does it.
#
# LEDGER_BANK_SECONDS   how long it goes on, 8 by default, and two thirds of that with faults; 32 sessions instead of 16 at one moment
# LEDGER_SEED           of the random numbers, 1 by default
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $seconds = $ENV{LEDGER_BANK_SECONDS} || 8;
my $seed = random_seed();
my $sessions = $ENV{LEDGER_BANK_SECONDS} ? 32 : 16;
my $node = new_node(
	'main',
	'shared_buffers = 128MB',
	'max_connections = 100',
	'max_worker_processes = 16',
	'log_lock_waits = on',
	q{log_line_prefix = '%m [%p] %e '});

sub sql { return $node->safe_psql('bank', $_[0]); }

# The next random number below a limit; perl's own differ between versions.
my $state = $seed;

sub random
{
	my ($limit) = @_;

	$state = ($state * 1103515245 + 12345) & 0x7fffffff;
	return ($state >> 8) % $limit;
}

sub one_of { return $_[ random(scalar @_) ]; }

make_database($node, 'bank');
sql(q{INSERT INTO acct.entity (entity_code) SELECT 'E' || n FROM generate_series(0, 4) AS n});

# The same statement from many sessions at the same moment: what each of them returned.
my @crowd;

sub at_once
{
	my ($statement) = @_;
	my $barrier = hold_lock($node, 'bank', 'SELECT pg_advisory_xact_lock(4711)');
	my @results;

	@crowd = map { start_session($node, 'bank') } 1 .. $sessions if !@crowd;
	$_->submit("SELECT WHERE pg_advisory_lock_shared(4711) IS NULL; SELECT WHERE NOT pg_advisory_unlock_shared(4711); $statement") for @crowd;
	$node->poll_query_until('bank',
		"SELECT count(*) = $sessions FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted")
	  or die 'no crowd';
	$barrier->finish;
	for my $session (@crowd)
	{
		wait_until($statement, sub { $session->done });
		push @results, $session->output . $session->error;
	}
	return @results;
}

# All got the same; without already_done, which only one of them has false.
sub one_did_it
{
	my ($statement, $name) = @_;
	my @results = at_once($statement);
	my @did = grep { /\|f$/m } @results;
	my %different = map { (s/\|[tf]$//mgr, 1) } @results;

	is(scalar @did, 1, "$name: one of $sessions sessions did it");
	is(scalar keys %different, 1, "$name: all got the same") or diag join "\n--\n", keys %different;
	return;
}

sub all_the_same
{
	my ($statement, $name) = @_;
	my %different = map { ($_, 1) } at_once($statement);

	is(scalar keys %different, 1, "$name: all got the same") or diag join "\n--\n", keys %different;
	return (keys %different)[0];
}

for my $size ('large', 'small')
{
	my $month = $size eq 'large' ? '2024-01-01' : '2024-02-01';
	my $minimum = $size eq 'large' ? 0 : -1;
	my $run;
	my $made;

	sql("ALTER DATABASE bank SET ledger_engine.run_partition_min_transactions = $minimum");
	sql('ALTER DATABASE bank SET min_parallel_table_scan_size = 0');
	if (@crowd)
	{
		$_->finish for @crowd;
		@crowd = ();
	}
	load_quietly($node, 'bank', $month, 2000, 1);
	chomp($run = all_the_same("SELECT acct.create_run('$month', '$size')", "create, $size run"));
	is(sql("SELECT count(*), sum(source_rows) FROM acct.journal_run_batch WHERE run_id = $run"), '1|2000', "create, $size run: took the batch");
	is(sql("SELECT count(*) FROM acct.journal_run WHERE run_key = '$size'"), '1', "create, $size run: one run");
	one_did_it("SELECT source_partition, transactions, journals, lines, exceptions, ignored, debit, credit, elapsed_ms, already_done FROM acct.expand_journals($run)",
		"expand, $size run");
	like(all_the_same("SELECT count(*), bool_and(passed) FROM acct.validate_run($run)", "validate, $size run"), qr/\|t$/, "validate, $size run: valid");
	one_did_it("SELECT ledger_partition, journals, lines, debit, credit, elapsed_ms, already_done FROM acct.post_journals($run)", "post, $size run");
	is(sql("SELECT count(*) = count(DISTINCT txn_id) AND count(*) = (SELECT journals FROM acct.journal_run WHERE run_id = $run) FROM acct.ledger_entry_header WHERE run_id = $run"),
		't', "post, $size run: each journal once");
	is(failing_checks($node, 'bank', $run), '', "post, $size run: valid");

	load_quietly($node, 'bank', $month, 1200, 2);
	all_the_same("CALL acct.process_month('$month', 'month, $size')", "process_month, $size run");
	load_quietly($node, 'bank', $month, 1200, 3);
	all_the_same("SELECT step, rows, CASE step WHEN 'create' THEN detail END FROM acct.run_month('$month', 'one, $size')", "run_month, $size run");
	is(sql("SELECT string_agg(status, ',') FROM acct.journal_run WHERE run_key ~ ', $size'"), 'posted,posted', "$size runs of a month: each is one run");

	load_quietly($node, 'bank', $month, 1200, 4);
	$run = sql("SELECT acct.create_run('$month', 'discarded, $size')");
	sql("SELECT * FROM acct.expand_journals($run)");
	is(scalar(grep { /^t$/m } at_once("SELECT acct.discard_run($run)")), 1, "discard, $size run: one of $sessions sessions did it");

	at_once("SELECT acct.reprocess_exceptions(run_id) FROM acct.journal_run WHERE run_key = '$size'");
	is(sql("SELECT count(*), count(DISTINCT e.run_id) FROM acct.journal_run AS o JOIN acct.je_exception AS e USING (run_id) JOIN acct.journal_run AS r ON r.run_id = e.resolved_by_run WHERE o.run_key = '$size'"),
		sql("SELECT exceptions, 1 FROM acct.journal_run WHERE run_key = '$size'"), "reprocess, $size run: each exception was taken");
	is(sql("SELECT count(*) FROM acct.run_log AS g JOIN acct.journal_run AS r ON r.run_id = (g.detail ->> 'reprocess_of')::bigint WHERE g.step = 'reprocess' AND g.rows > 0 AND r.run_key = '$size'"),
		'1', "reprocess, $size run: one of $sessions sessions took them");
	is(all_the_same('SELECT acct.update_balance_snapshot()', "recompute, $size run"), "0\n", "recompute, $size run: nothing was wrong");
	for my $step ("close_period('$month', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') AS p (entity, basis, changed)",
		"reopen_period('$month', 'MAIN', 'PRIMARY') AS p (changed)")
	{
		my ($name) = $step =~ /^(\w+)/;
		is(scalar(grep { /^t$/m } at_once("SELECT changed FROM acct.$step")), 1, "$name, $size run: one of $sessions sessions did it");
	}

	# Months that the sessions know to be missing
	for my $what ('ledger', 'txn_source')
	{
		my $from = $size eq 'large' ? '2027-01-01' : '2027-04-01';
		my $name = $what eq 'ledger' ? 'ledger_entry_header' : $what;

		is(all_the_same("SELECT to_regclass(format('acct.%s_%s', '$name', to_char('$from'::date, 'YYYY_MM'))) IS NULL", "$what, with $size runs"),
			"t\n", "$what, with $size runs: missing");
		$made = 0;
		$made += $_ for at_once("SELECT count(*) FROM acct.rotate_${what}_partitions(2, '$from')");
		is($made, $what eq 'ledger' ? 6 : 3, "rotate $what, with $size runs: each partition is made once");
	}
	is(broken_invariants($node, 'bank'), '', "$sessions sessions, $size runs: all invariants hold");
}
is(join('', map { $_->error } @crowd), '', 'no errors');
$_->finish for @crowd;
sql('ALTER DATABASE bank RESET ALL');

# Files to be loaded by COPY: each is a batch of one entity and month, so that runs are of one book or of several.
my @months = map { sprintf '2025-%02d-01', $_ } 2 .. 7;
my $columns = 'txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, policy_no, currency, gross_amount, '
  . 'tabarru_amount, tanahud_amount, investment_amount, ujroh_amount, attributes';
my $values = $columns =~ s/entity_code/'ENTITY'/r;
my $dir = PostgreSQL::Test::Utils::tempdir;
my @files;
my $made_files = 0;
my %files_of; # by month: a thousand have identifiers of their own

sub make_file
{
	my $month = one_of(@months);
	my $rows = $made_files < 250 ? one_of(50, 300, 1500) : 30; # the readers are to get through
	my $file = sprintf '%s/%d.csv', $dir, ++$made_files;
	my $entity = 'E' . random(4);
	my $select = $values =~ s/ENTITY/$entity/r;
	my $seed_of_file = ++$files_of{$month};

	sql("COPY (SELECT $select FROM acct.sample_transactions('$month', $rows, $seed_of_file)) TO '$file' (FORMAT csv)");
	push @files, { file => $file, month => $month };
	return;
}
make_file() for 1 .. 30;

# What each kind of session does next; a list of statements, each in a transaction of its own.
my $small = 'SET ledger_engine.run_partition_min_transactions = -1';
my $large = 'SET ledger_engine.run_partition_min_transactions = 1000; SET min_parallel_table_scan_size = 0';
my $keys = 0;

# One of the runs of which a condition holds.
sub any_run
{
	my ($condition) = @_;

	return "SELECT run_id, digest FROM acct.journal_run WHERE $condition ORDER BY hashint8extended(run_id, " . random(1_000_000) . ') LIMIT 1';
}

sub load_file
{
	my $next = shift @files or return 'SELECT WHERE false';
	my $copy = "COPY acct.txn_source_parent ($columns) FROM '$next->{file}' (FORMAT csv)";

	return ("SELECT count(*) FROM acct.rotate_txn_source_partitions(0, '$next->{month}')",
		random(5) == 0 ? ("BEGIN; $copy; ROLLBACK") : (), $copy);
}

sub book
{
	my $month = one_of(@months);
	my $key = sprintf 'key-%d', ++$keys;
	my $way = random(3);

	return (one_of($small, $large), "CALL acct.process_month('$month', '$key')", "CALL acct.process_month('$month', '$key')") if $way == 0;
	return (one_of($small, $large), "SELECT count(*) FROM acct.run_month('$month', '$key')") if $way == 1;
	return (one_of($small, $large), "SELECT WHERE acct.create_run('$month', '$key') IS NULL",
		map { "SELECT count(*) FROM (SELECT run_id FROM acct.journal_run WHERE run_key = '$key' AND status <> 'discarded') AS r, acct.$_(r.run_id)" }
		  qw(expand_journals validate_run post_journals));
}

sub discard
{
	my $month = one_of(@months);

	return (
		"SELECT WHERE acct.create_run('$month') IS NULL",
		'SELECT count(*) FROM (' . any_run("status = 'created'") . ') AS r, acct.expand_journals(r.run_id)',
		'SELECT FROM (' . any_run("status IN ('created', 'expanded')") . ') AS r WHERE acct.discard_run(r.run_id) IS NULL');
}

sub reprocess
{
	return (
		'SELECT FROM ('
		  . any_run("status = 'posted' AND run_id IN (SELECT run_id FROM acct.je_exception WHERE resolved_by_run IS NULL)")
		  . ') AS r WHERE acct.reprocess_exceptions(r.run_id) IS NULL',
		map { "SELECT FROM (SELECT run_id FROM acct.journal_run WHERE reprocess_of IS NOT NULL AND status IN ('created', 'expanded') AND transactions IS DISTINCT FROM 0 LIMIT 1) AS r, acct.$_(r.run_id)" }
		  qw(expand_journals post_journals));
}

sub verify
{
	return ('SELECT v.* FROM (' . any_run("status = 'posted'") . ') AS r, acct.validate_run(r.run_id) AS v WHERE NOT v.passed',
		"SELECT 'digest', run_id FROM (" . any_run("status = 'posted'") . ') AS r WHERE acct.run_digest(r.run_id) <> r.digest');
}

sub recompute
{
	return one_of('SELECT n FROM acct.update_balance_snapshot() AS n WHERE n <> 0',
		sprintf q{SELECT n FROM acct.update_balance_snapshot('%s') AS n WHERE n <> 0}, one_of(@months));
}

sub rotate
{
	my $month = one_of(@months);

	return ("SELECT count(*) FROM acct.rotate_ledger_partitions(0, '$month')", "SELECT count(*) FROM acct.rotate_txn_source_partitions(1, '$month')");
}

sub close_and_reopen
{
	my $book = sprintf "'%s', 'E%d', 'PRIMARY'", one_of(@months), random(4);

	return ("SELECT FROM acct.close_period($book, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') WHERE changed IS NULL",
		'SELECT WHERE pg_sleep(0.05) IS NULL', "SELECT WHERE acct.reopen_period($book) IS NULL");
}

# A reader pauses: the server is to be shared.
sub read_all { return (one_of(reading_of_one_query(), reading_of_several()), 'SELECT WHERE pg_sleep(0.4) IS NULL'); }

my @actors = map { { work => $_->[0], name => $_->[1] } } (
	[ \&load_file, 'load' ], [ \&load_file, 'load' ],
	(map { [ \&book, 'book' ] } 1 .. 4),
	[ \&discard, 'discard' ], [ \&reprocess, 'reprocess' ], [ \&verify, 'verify' ], [ \&recompute, 'recompute' ],
	[ \&rotate, 'rotate' ], [ \&close_and_reopen, 'close' ],
	[ \&read_all, 'read' ], [ \&read_all, 'read' ]);

# A run that another session discarded or posted meanwhile, a period that is closed, staging that others use without a pause on a slow
# machine: what a user has to expect.
my %expected = (book => qr/ERROR:  LE00[26]:/, reprocess => qr/ERROR:  LE00[26]:/, discard => qr/ERROR:  (?:LE002|55P03):/);
# What becomes of those whose process, or another one, is interrupted.
my $interrupted = qr/ERROR:  57014:|(?:ERROR|FATAL):  57P0[123]:|server closed the connection|lost connection to parallel worker|terminating connection|could not connect|connection to (?:the )?server/;
my $faults;
my %count; # statements that came to their end, and those that were refused, by kind of session
my $unexpected = '';

# Looks at what a session returned, and gives it the next thing to do.
sub next_of
{
	my ($actor, $more) = @_;
	my $session = $actor->{session};

	if ($session)
	{
		my @errors = grep { /^(?:psql:\S+ )?(?:ERROR|FATAL|PANIC):|server closed the connection|connection to (?:the )?server/m } $session->error;

		$unexpected .= sprintf "%s returned: %s\n", $actor->{name}, $session->output
		  if $actor->{name} =~ /^(?:read|verify|recompute)$/ && $session->output ne '';
		if (@errors)
		{
			my $known = $expected{ $actor->{name} };

			$unexpected .= sprintf "%s, %s: %s\n", $actor->{name}, $actor->{statement}, $session->error
			  unless $known && $session->error =~ $known || $faults && $session->error =~ $interrupted;
			$count{ $actor->{name} . ' refused' }++;
			$session->finish;
			$session = $actor->{session} = undef;
			$actor->{queue} = [];
		}
		else
		{
			$count{ $actor->{name} }++;
		}
	}
	$actor->{queue} = $more ? [ $actor->{work}->() ] : [] if !$actor->{queue} || !@{ $actor->{queue} };
	return 0 if !@{ $actor->{queue} } && !$session;
	if (!@{ $actor->{queue} })
	{
		$session->finish;
		$actor->{session} = undef;
		return 0;
	}
	$actor->{session} = $session ||= start_session($node, 'bank');
	$actor->{statement} = shift @{ $actor->{queue} };
	$session->submit($actor->{statement});
	return 1;
}

# Something happens to a process of the database, or to the server; all sessions are lost by the worse of it.
sub strike
{
	my $way = one_of('pg_cancel_backend', 'pg_cancel_backend', 'pg_terminate_backend', 'pg_terminate_backend', 'kill -9', 'immediate shutdown');
	my $pid = sql(q{SELECT coalesce((SELECT pid FROM pg_stat_activity WHERE datname = 'bank' AND state = 'active' AND pid <> pg_backend_pid()
		AND query ~ 'acct\.' ORDER BY random() LIMIT 1), 0)});

	if ($way =~ /^pg_/)
	{
		sql("SELECT $way($pid)") if $pid;
	}
	else
	{
		my $log = -s $node->logfile;

		if ($way eq 'kill -9')
		{
			my $tries = 0;

			return if !$pid || !kill 'KILL', $pid;
			# It may have ended by itself at that very moment.
			while (slurp_file($node->logfile, $log) !~ /all server processes terminated; reinitializing/)
			{
				return if ++$tries > 500;
				usleep(10_000);
			}
			await_recovery($node);
		}
		else
		{
			$node->stop('immediate');
			$node->start;
		}
		for my $actor (grep { $_->{session} } @actors)
		{
			wait_until('the end of a session', sub { $actor->{session}->done });
			next_of($actor, 1);
		}
	}
	$count{$way}++;
	return;
}

sub settle_down
{
	my ($what) = @_;

	# What is left over is done, and the books are closed.
	sql($statistics);
	sql(q{SELECT acct.reopen_period(period_month, entity_code, basis) FROM acct.accounting_period WHERE NOT is_open});
	sql(join '', (map { "SELECT * FROM acct.expand_journals($_); SELECT * FROM acct.post_journals($_);\n" }
			split /\n/, sql("SELECT run_id FROM acct.journal_run WHERE status IN ('created', 'expanded') ORDER BY run_id")),
		map { "CALL acct.process_month('$_', '$what of $_');\n" } @months, '2024-01-01', '2024-02-01');
	is(broken_invariants($node, 'bank'), '', "$what: all invariants hold");
	is(sql(reading_of_one_query()), '', "$what: journals, lines and balances agree");
	is(sql('SELECT count(*) FROM acct.txn_batch AS b WHERE NOT EXISTS (SELECT FROM acct.journal_run_batch AS c WHERE c.batch_id = b.batch_id AND c.released_at IS NULL)'),
		'0', "$what: each batch was taken");
	is(
		sql(q{SELECT (SELECT count(*) FROM acct.txn_source_parent)
		           = (SELECT count(*) FROM acct.ledger_entry_header)
		           + (SELECT count(*) FROM acct.je_exception WHERE resolved_by_run IS NULL AND voided_at IS NULL)
		           + (SELECT sum(ignored) FROM acct.journal_run WHERE status = 'posted')}),
		't', "$what: each transaction is journalled, an exception, or ignored");
	is(sql('SELECT count(*) FROM (SELECT FROM acct.ledger_entry_header GROUP BY txn_id, txn_month, basis HAVING count(*) > 1) AS x'), '0', "$what: none is journalled twice");
	is(sql(q{SELECT v.* FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE r.status = 'posted' AND NOT v.passed}), '', "$what: all runs are valid");
	return;
}

sub posted_since { return sql("SELECT count(*) FROM acct.journal_run WHERE status = 'posted' AND posted_at > '$_[0]'"); }

# The work of all, for so many seconds; with a strike every so many, if that is said.
sub office
{
	my ($what, $for, $every) = @_;
	my $began = sql('SELECT now()');
	my $end = time + $for;
	my $next = time + ($every || $for);
	my $busy = 1;
	my $times = 4;

	%count = ();
	$faults = $every;
	next_of($_, 1) for @actors;
	while ($busy && time < $end + $PostgreSQL::Test::Utils::timeout_default)
	{
		# A slow machine takes longer to post enough.
		if ($times > 0 && time > $end)
		{
			$times = posted_since($began) < 3 ? $times - 1 : 0;
			$end = time + $for if $times;
		}
		$busy = 0;
		for my $actor (@actors)
		{
			next if !$actor->{session};
			$busy = 1;
			next_of($actor, time < $end && !$unexpected) if $actor->{session}->done;
		}
		if (time < $end)
		{
			make_file() if @files < 5;
			# Who was refused, or interrupted, comes again.
			next_of($_, 1) for grep { !$_->{session} && !$unexpected } @actors;
			if ($every && time > $next)
			{
				strike();
				$next = time + $every;
			}
		}
		usleep(2000);
	}
	note "$what: ", join ', ', map { "$_ $count{$_}" } sort keys %count;
	is($busy, 0, "$what: all sessions came to their end");
	is($unexpected, '', "$what: nothing but what is to be expected");
	cmp_ok($count{$_} || 0, '>=', 1, "$what: somebody could $_")
	  for qw(load book discard reprocess verify rotate close), $every ? () : qw(recompute read); # long ones may all be struck
	cmp_ok(posted_since($began), '>=', 3, "$what: runs were posted");
	settle_down($what);
	return;
}

sql($statistics);
office('a day', $seconds);
office('a bad day', $seconds * 2 / 3, 1);

my $log = slurp_file($node->logfile);
unlike($log, qr/deadlock detected|40P01/, 'no deadlock');
cmp_ok(10 * (() = $log =~ /posted while a reader/g), '<=', sql("SELECT count(*) FROM acct.journal_run WHERE status = 'posted'"),
	'few runs had to be posted while a reader, if any');
note sql(q{SELECT string_agg(format('%s runs %s', count, status), ', ') FROM (SELECT count(*), status FROM acct.journal_run GROUP BY status) AS x});
note sql('SELECT format(\'%s journals, %s lines\', (SELECT count(*) FROM acct.ledger_entry_header), count(*)) FROM acct.ledger_entry_line');

$node->stop;
done_testing();
