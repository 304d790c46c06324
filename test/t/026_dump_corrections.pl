# A database with reversals, corrections, rebookings and late items, posted or on their way, goes through a dump: what was
# claimed stays claimed, what was released is free, and what was expanded is posted or expanded again.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
my $dir = $node->basedir;
my ($db, %run) = ('original');

sub sql { return $node->safe_psql($db, $_[0]); }

# Makes and expands a run; the number that it has.
sub expanded
{
	my ($call) = @_;
	my $run = sql("SELECT acct.$call");

	sql("SELECT * FROM acct.expand_journals($run)");
	cmp_ok(sql("SELECT journals FROM acct.journal_run WHERE run_id = $run"), '>', 0, "$call: has journals");
	return $run;
}

sub posted
{
	my $run = expanded(@_);

	post_by_another($node, $db, $run);
	return $run;
}

make_database($node, $db);
my %month = (corrected => '2025-01-01', reversed => '2025-02-01', large => '2025-03-01', free => '2025-04-01');
for my $key (sort keys %month)
{
	load_quietly($node, $db, $month{$key}, 600, 40);
	sql(($key eq 'large' ? large_runs('') : '') . "SELECT * FROM acct.run_month('$month{$key}', '$key')");
}
change_tax($node, $db, '2025-01-01', 0.06);
$run{correction} = posted("correct_run('corrected', '2025-06-30', 'The rate was wrong')");
$run{journals} = posted(
	q{reverse_journals(ARRAY(SELECT je_id FROM acct.ledger_entry_header JOIN acct.journal_run USING (run_id) WHERE run_key = 'corrected' AND txn_id % 50 = 0), '2025-06-30', 'Single ones')});
$run{reversal} = posted("reverse_run('reversed', '2025-06-30', 'All of it')");
$run{rebooking} = sql("SELECT acct.rebook_run($run{reversal})");
sql("SELECT * FROM acct.expand_journals($run{rebooking}); SELECT * FROM acct.post_journals($run{rebooking})");
load_quietly($node, $db, '2025-05-01', 600, 41);
sql(q{SELECT * FROM acct.close_period('2025-05-01', waive => ARRAY(SELECT finding FROM acct._closing_findings()), reason => 'a test'); SELECT * FROM acct.run_month('2025-05-01', 'late', '{"late": "next_open"}')});
my $late = q{SELECT count(*), min(original_date), max(original_date), min(je_date), max(je_date) FROM acct.ledger_entry_header WHERE original_date IS NOT NULL};
like(sql($late), qr/^[1-9]\d*\|2025-05-\d\d\|2025-05-\d\d\|2025-06-01\|2025-06-01$/, 'there are late items');
change_tax($node, $db, '2025-01-01', 0.07);
$run{'expanded correction'} = expanded("correct_run('corrected', '2025-06-30', 'The rate was wrong again')");
$run{'expanded reversal'} = expanded("reverse_run('large', '2025-06-30', 'Not yet posted')");
$run{discarded} = expanded("reverse_run('free', '2025-06-30', 'A mistake')");
sql("SELECT acct.discard_run($run{discarded})");
my @waiting = ('expanded correction', 'expanded reversal');
my %manual = map { $_ => manual_journal($node, $db, '2025-06-30', '2025-07-01') } 'approved', 'submitted', 'returned';
is(approve_by_another($node, $db, $manual{approved}), 'manual reversal', 'a manual journal is posted with its reversal');
sql("SELECT acct.return_manual_journal($manual{returned}, 'Not yet')");

$node->command_ok([ 'pg_dump', '-f', "$dir/plain.sql", $db ], 'dumped as text');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom.dump", $db ], 'dumped in custom format');
$node->command_ok([ 'pg_dump', '--no-unlogged-table-data', '-Fc', '-f', "$dir/logged.dump", $db ], 'dumped without staging');
my %restore = (
	plain => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dir/plain.sql" ],
	custom => [ 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'custom', "$dir/custom.dump" ],
	logged => [ 'pg_restore', '--exit-on-error', '-d', 'logged', "$dir/logged.dump" ]);

my $claims = 'SELECT * FROM acct.journal_reversal ORDER BY run_id, origin_run, je_ids::text';
my $statuses = 'SELECT run_id, kind, origin_run, status, je_date, reason, journals, reversed_journals, taken_transactions, evaluation_digest, options FROM acct.journal_run ORDER BY run_id';
my $numbers = 'SELECT * FROM acct.journal_number ORDER BY 1, 2, 3';
my $journals = 'SELECT m.*, c.content, c.unchanged FROM acct.manual_journal AS m JOIN acct.manual_journal_content AS c USING (journal_id) ORDER BY 1';
my %expected = map { $_ => sql($_) } $journals, $claims, $statuses, $numbers, $late;
my $data = data_of($node, $db);
my $catalog = catalog_of($node, $db);

# What is done next, here and in each copy, comes to the same.
sub go_on
{
	for my $name (@waiting)
	{
		cmp_ok(post_by_another($node, $db, $run{$name}), '>', 0, "$db: $name is posted");
		is(failing_checks($node, $db, $run{$name}), '', "$db: $name is valid");
	}
	is(approve_by_another($node, $db, $manual{submitted}), 'manual reversal', "$db: a manual journal that was submitted is approved");
	my $manual = sql("SELECT concat_ws(',', run_id, reversal_run_id) FROM acct.manual_journal WHERE journal_id = $manual{submitted}");
	is(failing_checks($node, $db, $_), '', "$db: it is valid, and so is its reversal") for split /,/, $manual;
	my $free = posted("reverse_run('free', '2025-06-30', 'Now in earnest')");
	my $anew = sql("SELECT acct.rebook_run($free)");
	sql("SELECT * FROM acct.expand_journals($anew); SELECT * FROM acct.post_journals($anew)");
	is(sql(q{SELECT run_key, status FROM acct.journal_run WHERE run_key IN ('large', 'free') ORDER BY 1}), "free|reversed\nlarge|reversed", "$db: both are reversed");
	is(broken_invariants($node, $db), '', "$db: all invariants hold with these");
	# What is refused uses up numbers of runs.  The journals of a run have its numbers in any order: that of its source in the table.
	return fingerprint($node, $db, undef, "ALL (ARRAY[$run{$waiting[0]}, $run{$waiting[1]}, $free, $anew, $manual])") . sql($claims =~ s/\*/dense_rank() OVER (ORDER BY run_id), dense_rank() OVER (ORDER BY origin_run), journals, released_at IS NULL/r) . sql($numbers);
}
my $in_the_end = go_on();

for my $copy (sort keys %restore)
{
	$db = $copy;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->command_ok($restore{$db}, "$db: restored");
	is_same(data_of($node, $db), $data, $db);
	is_same(catalog_of($node, $db), $catalog, $db);
	is(sql($_), $expected{$_}, "$db: same rows of $_") for sort keys %expected;
	is(broken_invariants($node, $db), '', "$db: all invariants hold");
	like(sql('SELECT acct.install()'), qr/was there/, "$db: layout is whole");
	is(failing_checks($node, $db, $run{$_}), '', "$db: $_ is valid") for qw(correction journals reversal rebooking);

	# What is reversed, or about to be, is not reversed again, whoever tries.
	fails_with($node, $db, "SELECT acct.reverse_run('reversed', '2025-06-30', 'Twice')", qr/ERROR:  LE008: run \d+ is reversed already/, "$db: a reversed run");
	fails_with($node, $db, "SELECT acct.reverse_run('large', '2025-06-30', 'Twice')", qr/ERROR:  LE008: run \d+ is reversed already\n.*by run $run{'expanded reversal'} \(expanded\)/, "$db: one that is being reversed");
	fails_with($node, $db, "SELECT acct.reverse_journals(ARRAY[(SELECT min(reversal_of) FROM acct.ledger_entry_header WHERE run_id = $run{journals})], '2025-06-30', 'Twice')",
		qr/ERROR:  LE008: journal \d+ is reversed already/, "$db: a single journal");
	fails_with($node, $db, "INSERT INTO acct.journal_reversal SELECT (jsonb_populate_record(v, jsonb_build_object('run_id', $run{rebooking}))).* FROM acct.journal_reversal AS v WHERE run_id = $run{reversal}",
		qr/ERROR:  23P01: conflicting key value violates exclusion constraint/, "$db: not even by hand");
	fails_with($node, $db, "SELECT acct.rebook_run($run{reversal})", qr/ERROR:  LE008:.*rebooked already/, "$db: what was rebooked");
	# Manual journals are what they were: nobody edits what was submitted, or approves what they entered.
	fails_with($node, $db, "UPDATE acct.manual_journal_line SET memo = 'x' WHERE journal_id = $manual{$_}", qr/ERROR:  LE004: manual journal $manual{$_} is $_/, "$db: one that is $_")
	  for 'submitted', 'approved';
	fails_with($node, $db, "SELECT acct.approve_manual_journal($manual{submitted})", qr/ERROR:  LE005: \S+ created or edited/, "$db: one of one's own");
	fails_with($node, $db, "SELECT acct.correct_run('corrected', '2025-06-30', 'x')", qr/ERROR:  LE002: run \d+ has a correction that is not posted/, "$db: what is being corrected");
	if ($db eq 'logged')
	{
		for my $name (@waiting)
		{
			fails_with($node, $db, "SET SESSION AUTHORIZATION second_person; SELECT * FROM acct.post_journals($run{$name})",
				qr/ERROR:  LE002: .*\nHINT:  .*expand_journals/, "$db: no staging of $name");
			is(sql("SELECT bool_or(already_done) FROM acct.expand_journals($run{$name})"), 'f', "$db: $name is expanded again");
		}
		is(sql($_), $expected{$_}, "$db: same rows of $_, expanded again") for $claims, $statuses;
	}
	is(go_on(), $in_the_end, "$db: in the end the same ledger, claims and numbers");
}

$node->stop;
done_testing();
