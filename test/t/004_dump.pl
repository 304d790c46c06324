# A database that was dumped and restored has the same ledger and goes on with it.
# LEDGER_DUMPS=all restores each format, and over newer entries in each way; else a part of them: a text, and archives that are restored by
# several processes and by one, where more is tested of them than that.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $all = ($ENV{LEDGER_DUMPS} || '') eq 'all';
my $node = new_node('main');
my $dir = $node->basedir;

# Roles with their rights, and what a site granted and noted itself.
make_database($node, 'original');
$node->safe_psql(
	'original', q{
	SELECT acct.install_roles();
	CREATE ROLE dump_clerk;
	GRANT USAGE ON SCHEMA acct TO dump_clerk;
	GRANT SELECT (txn_id, txn_month) ON acct.txn_source_parent TO dump_clerk;
	GRANT EXECUTE ON FUNCTION acct.post_journals(bigint) TO dump_clerk;
	COMMENT ON TABLE acct.fund IS 'Funds, as our council approved them.';
	SELECT acct.add_dimension('cohort', 'text', true);});

# A small posted run and a large one, one that is expanded, one batch that no run has; months of which one is detached,
# and one that is archived.
load_batch($node, 'original', 2000, 42);
my $columns = 'txn_month, entity_code, txn_type, product_code, channel, policy_no, currency, gross_amount, tabarru_amount, tanahud_amount, investment_amount, ujroh_amount, attributes';
$node->safe_psql(
	'original', qq{
	INSERT INTO acct.txn_source_parent (txn_id, bank_value_date, $columns)
	SELECT txn_id + 1000000000000, '2024-06-15', $columns FROM acct.txn_source_parent WHERE txn_id % 10 = 0});
$node->safe_psql('original', "SELECT * FROM acct.run_month('2025-01-01', 'posted')");
load_batch($node, 'original', 1500, 45);
$node->safe_psql('original', large_runs("SELECT * FROM acct.run_month('2025-01-01', 'large')"));
load_batch($node, 'original', 1000, 43);
$node->safe_psql('original', large_runs("SELECT * FROM acct.expand_journals(acct.create_run('2025-01-01', 'expanded'))"));
load_batch($node, 'original', 500, 44);
# One that shares staging with the first
load_quietly($node, 'original', '2025-04-01', 300, 46);
$node->safe_psql('original', "SELECT * FROM acct.expand_journals(acct.create_run('2025-04-01', 'small'))");
$node->safe_psql(
	'original', q{
	SELECT * FROM acct.rotate_ledger_partitions(1, '2025-06-01');
	ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_07;
	ALTER TABLE acct.ledger_entry_line_2025_07 RENAME TO empty_lines_2025_07;});
$node->safe_psql(
	'original', q{
	SELECT acct.set_book('MAIN', 'PRIMARY', '{"first_year_month": 7, "closed_from": "2040-01-01"}');
	SELECT * FROM acct.close_year('2024-06-30', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test');
	SELECT acct.close_period(period_month, entity_code, basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.journal_number WHERE period_month = '2024-06-01';
	SELECT acct.archive_partition('ledger_entry', '2024-06-01');});
is($node->safe_psql('original', q{SELECT count(*) FROM pg_class WHERE relname ~ '^ledger_entry_line_2025_01_run_2$' AND relispartition}),
	1, 'the large run has a partition of its own');

# A month with entries, detached while it is dumped, and attached again.
my $detach = 'ALTER TABLE acct.ledger_entry_line_2025_01 DETACH PARTITION acct.ledger_entry_line_2025_01_run_2';
my $attach = q{SELECT format('ALTER TABLE acct.ledger_entry_line_2025_01 ATTACH PARTITION acct.ledger_entry_line_2025_01_run_2 '
	'FOR VALUES FROM (%s) TO (%s)', g.from_je_id, g.to_je_id)
	FROM acct.journal_run r, acct._je_range(r.je_range) g WHERE r.run_id = 2};
$node->safe_psql('original', $detach);
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/detached.dump", 'original' ], 'dumped with a detached partition');
$node->safe_psql('original', $node->safe_psql('original', $attach));

$node->command_ok([ 'pg_dump', '-f', "$dir/plain.sql", 'original' ], 'dumped as text');
$node->command_ok([ 'pg_dump', '--data-only', '-Fc', '-f', "$dir/data.dump", 'original' ], 'dumped without the schema');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom.dump", 'original' ], 'dumped in custom format');
$node->command_ok([ 'pg_dump', '-Fd', '-j', '2', '-f', "$dir/directory", 'original' ], 'dumped by two processes into a directory');
$node->command_ok([ 'pg_dump', '--no-unlogged-table-data', '-Fc', '-f', "$dir/logged.dump", 'original' ], 'dumped without staging');
$node->command_ok([ 'pg_dump', '--load-via-partition-root', '-Fc', '-f', "$dir/root.dump", 'original' ], 'dumped to be loaded through the parents');

my %restore = (
	plain => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dir/plain.sql" ],
	custom => [ 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'custom', "$dir/custom.dump" ],
	directory => [ 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'directory', "$dir/directory" ],
	root => [ 'pg_restore', '--exit-on-error', '-d', 'root', "$dir/root.dump" ],
	logged => [ 'pg_restore', '--exit-on-error', '-d', 'logged', "$dir/logged.dump" ]);
delete @restore{ 'custom', 'directory', 'root' } if !$all;

my $staging = q{SELECT run_id, count(*), sum(debit), sum(hashtextextended(concat_ws('|', txn_id, je_date, line_no, account_code,
	fund, trim_scale(debit), trim_scale(credit)), 0)::numeric) FROM acct.je_line_staging GROUP BY 1 ORDER BY 1};

# Posts the expanded run, and makes a large one of what is left.
my $waits = 'SELECT batch_id, txn_month, transactions FROM acct.batches_waiting()';
my $waiting;

sub run_next
{
	my ($db) = @_;

	$node->safe_psql($db, "SELECT * FROM acct.post_journals($_)") for 3, 4;
	# Rows that were restored are looked at once: nothing of them waits that did not, and the month is known then.
	is($node->safe_psql($db, $waits), $waiting, "$db: the same waits");
	$node->safe_psql($db, large_runs("SELECT * FROM acct.run_month('2025-01-01', 'next')"));
	is($node->safe_psql($db, q{SELECT acct._is_source_known('2025-01-01'), count(*) FROM acct.source_check WHERE txn_month = '2025-01-01'}), 't|0', "$db: the month is known");
	return;
}

my $data = data_of($node, 'original');
$waiting = $node->safe_psql('original', $waits);
my $catalog = catalog_of($node, 'original');
my $routines = routines_of($node, 'original');
my $statements = q{SELECT * FROM acct.fund_statement('2025-01-01', statement => 'profit_and_loss')};
my $said = $node->safe_psql('original', $statements);
like($said, qr/Takaful contributions earned/, 'statements have the layouts of the sample');
my $lines_in_staging = $node->safe_psql('original', $staging);
run_next('original');
my $next_ledger = fingerprint($node, 'original', undef, 3);
my $next_balances = $node->safe_psql('original', "SELECT * FROM acct.trial_balance('2025-01-01')");

for my $db (sort keys %restore)
{
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->command_ok($restore{$db}, "$db: restored");
	is_same(data_of($node, $db), $data, $db);
	is_same(catalog_of($node, $db), $catalog, $db);
	is($node->safe_psql($db, $statements), $said, "$db: same statements");
	# What a routine was granted is told apart from what its extension granted.
	is_same(routines_of($node, $db), $routines, $db);
	is($node->safe_psql($db, $staging), $db eq 'logged' ? '' : $lines_in_staging, "$db: same staging");
	is(broken_invariants($node, $db), '', "$db: all invariants hold");
	like($node->safe_psql($db, 'SELECT acct.install()'), qr/was there/, "$db: layout is whole");

	# What protects the ledger is there too.
	for my $statement (
		'UPDATE acct.ledger_entry_line SET debit = debit',
		'DELETE FROM acct.ledger_entry_header_2025_01',
		'DELETE FROM acct.ledger_entry_line_2025_01_run_2',
		'TRUNCATE acct.ledger_entry_line_2025_01',
		'DELETE FROM acct_archive.ledger_entry_line_2024_06')
	{
		fails_with($node, $db, $statement, qr/ERROR:  LE007:/, "$db: $statement");
	}
	for my $statement ('DROP TABLE acct.ledger_entry_line_2025_01', 'DROP TABLE acct.ledger_entry_line_2025_01_run_2',
		'DROP SCHEMA acct CASCADE', 'DROP SCHEMA acct_archive CASCADE')
	{
		fails_with($node, $db, $statement, qr/ERROR:  LE011:/, "$db: $statement");
	}
	fails_with($node, $db, 'UPDATE acct.txn_source_parent SET gross_amount = gross_amount', qr/ERROR:  LE008:/, "$db: taken source");

	if ($db eq 'logged')
	{
		fails_with($node, $db, 'SELECT * FROM acct.post_journals(3)', qr/ERROR:  LE002: .*\nHINT:  .*expand_journals/, "$db: no staging");
		is($node->safe_psql($db, large_runs('SELECT bool_or(already_done) FROM acct.expand_journals(3)')), 'f', "$db: expanded again");
		is($node->safe_psql($db, 'SELECT bool_or(already_done) FROM acct.expand_journals(4)'), 'f', "$db: the small run too");
	}
	is(failing_checks($node, $db, $_), '', "$db: expanded run $_ is valid") for 3, 4;
	run_next($db);
	is(fingerprint($node, $db, undef, 3), $next_ledger, "$db: same ledger after the next runs");
	is(broken_invariants($node, $db), '', "$db: all invariants hold after the next runs");
	is($node->safe_psql($db, "SELECT * FROM acct.trial_balance('2025-01-01')"), $next_balances, "$db: same trial balance after the next runs");
	is($node->safe_psql($db, q{SELECT count(*) FROM pg_class WHERE relname ~ '^ledger_entry_line_2025_01_run_[36]$' AND relispartition}),
		2, "$db: large runs have partitions of their own");

	# The year stays closed, also months of it that nobody closed.
	fails_with($node, $db, q{SELECT acct.reopen_period('2024-03-01', 'MAIN', 'PRIMARY')}, qr/ERROR:  LE014:/, "$db: a month of a closed year");
	is($node->safe_psql($db, q{SELECT acct._is_closed('MAIN', 'PRIMARY', '2040-01-01'), acct._is_closed('MAIN', 'PRIMARY', '2039-12-01')}), 't|f', "$db: months that are closed by default");
	fails_with($node, $db, q{DELETE FROM acct.period_log}, qr/ERROR:  LE007:/, "$db: log of periods");

	# The archived month comes back.
	is($node->safe_psql($db, "SELECT acct.restore_partition('ledger_entry', '2024-06-01')"), 't', "$db: restored from the archive");
	is(broken_invariants($node, $db), '', "$db: all invariants hold with the restored month");

	# Rights hold for what was made since, too.
	is($node->safe_psql($db, 'SET ROLE acct_auditor; SELECT count(*) > 0 FROM acct.ledger_entry_line_2025_01_run_6'),
		't', "$db: the auditor reads the new partition");
	fails_with($node, $db, 'SET ROLE acct_auditor; SELECT * FROM acct.post_journals(5)', qr/ERROR:  42501:/, "$db: the auditor does not post");
	is($node->safe_psql($db, 'SET ROLE acct_operator; SELECT bool_and(already_done) FROM acct.post_journals(5)'), 't', "$db: the operator does");
	is($node->safe_psql($db, 'SET ROLE dump_clerk; SELECT bool_and(already_done) FROM acct.post_journals(5)'), 't', "$db: so does the clerk");
	fails_with($node, $db, 'SET ROLE dump_clerk; SELECT * FROM acct.ledger_entry_line', qr/ERROR:  42501:/, "$db: the clerk reads no lines");
}

# A detached partition is an ordinary table, protected as before, and comes back by being attached.
$node->safe_psql('postgres', 'CREATE DATABASE detached');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'detached', "$dir/detached.dump" ], 'detached: restored');
fails_with($node, 'detached', 'DROP TABLE acct.ledger_entry_line_2025_01_run_2', qr/ERROR:  LE011:/, 'detached: DROP');
fails_with($node, 'detached', 'TRUNCATE acct.ledger_entry_line_2025_01_run_2', qr/ERROR:  LE007:/, 'detached: TRUNCATE');
isnt(failing_checks($node, 'detached', 2), '', 'detached: its run is missing lines');
$node->safe_psql('detached', $node->safe_psql('detached', $attach));
is_same(data_of($node, 'detached'), $data, 'attached again');
run_next('detached');
is(fingerprint($node, 'detached', undef, 3), $next_ledger, 'attached again: same ledger after the next runs');

# Dumped while a run is being posted, the dump has nothing of it or all.  The dump takes its snapshot, then locks the tables
# in the order in which they were made; the gate stops it before the first of them, or behind the last.
sub dump_at_gate
{
	my ($from, $to, $meanwhile) = @_;
	my ($out, $err) = ('', '');
	my $gate = hold_lock($node, $from, 'LOCK TABLE public.gate IN ACCESS EXCLUSIVE MODE');
	local %ENV = $node->_get_env();
	my $dump = IPC::Run::start([ 'pg_dump', '-Fd', '-j', '2', '-f', "$dir/$to", $from ], '>', \$out, '2>', \$err);

	wait_until('the dump to wait', sub {
		$node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE datname = '$from' AND wait_event_type = 'Lock'") > 0;
	});
	$meanwhile->();
	$gate->submit('COMMIT');
	$gate->finish;
	ok($dump->finish, "$to: dumped") or diag($err);
	return;
}

for my $order ($all ? 'first' : (), 'last')
{
	my ($from, $to) = ("gate_$order", "dumped_$order");
	$node->safe_psql('postgres', "CREATE DATABASE $from");
	$node->safe_psql($from, 'CREATE TABLE public.gate ()') if $order eq 'first';
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $from, "$dir/custom.dump" ], "$from: restored");
	$node->safe_psql($from, 'CREATE TABLE public.gate ()') if $order eq 'last';
	dump_at_gate($from, $to, sub {
		my ($rc, undef, $stderr) = $node->psql($from, 'SELECT * FROM acct.post_journals(3)');
		is($rc, 0, "$from: posted meanwhile");
		# The dump reads the month, and posting does not wait for it forever.
		like($stderr, $order eq 'first' ? qr/^$/ : qr/WARNING: .*posted while a reader/, "$from: what posting says");
	});
	is(broken_invariants($node, $from), '', "$from: all invariants hold");

	$node->safe_psql('postgres', "CREATE DATABASE $to");
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-d', $to, "$dir/$to" ], "$to: restored");
	is_same(data_of($node, $to), $data, "$to, as before the posting");
	is(broken_invariants($node, $to), '', "$to: all invariants hold");
	run_next($to);
	is(fingerprint($node, $to, undef, 3), $next_ledger, "$to: same ledger after the next runs");
}

# A dump that cleans what it finds, restored over entries that were posted since, takes none of them.
my %over = (
	again_custom => [ 'pg_restore', '--clean', '--if-exists', '-d', 'again_custom', "$dir/custom.dump" ],
	again_once => [ 'pg_restore', '--clean', '--if-exists', '--single-transaction', '-d', 'again_once', "$dir/custom.dump" ],
	again_plain => [ 'psql', '-X', '-q', '-d', 'again_plain', '-f', "$dir/clean.sql" ]);
delete @over{ 'again_once', 'again_plain' } if !$all;
$node->command_ok([ 'pg_dump', '--clean', '--if-exists', '-f', "$dir/clean.sql", 'detached' ], 'dumped to clean what it finds');
for my $db (sort keys %over)
{
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $db, "$dir/custom.dump" ], "$db: restored");
	run_next($db);
	load_batch($node, $db, 500, 46);
	$node->safe_psql($db, "SELECT * FROM acct.run_month('2025-01-01', 'since')");
	my $before = data_of($node, $db);
	my $is = catalog_of($node, $db);

	my (undef, $stderr) = do { local %ENV = $node->_get_env(); run_command($over{$db}) };
	ok($stderr =~ /cannot drop .* while the guard of posted ledger entries is missing/, "$db: the dump over it is refused");
	# Sequences are set back by such a dump, unless it stops at the first error; install() mends that.
	like($node->safe_psql($db, 'SELECT acct.install()'), qr/was there/, "$db: layout is whole");
	is_same(data_of($node, $db), $before, $db);
	is_same(catalog_of($node, $db), $is, $db);
	is(broken_invariants($node, $db), '', "$db: all invariants hold");
	load_batch($node, $db, 500, 47);
	$node->safe_psql($db, large_runs("SELECT * FROM acct.run_month('2025-01-01', 'after')"));
	is(broken_invariants($node, $db), '', "$db: all invariants hold after another run");
}

# Data alone, in a database that was made without; then rows that a superuser puts into a batch of their own choice.
$node->safe_psql('postgres', 'CREATE DATABASE copied');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--schema-only', '-d', 'copied', "$dir/custom.dump" ], 'copied: schema restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--disable-triggers', '-d', 'copied', "$dir/data.dump" ], 'copied: data restored');
run_next('copied');
$node->safe_psql('copied', q{
	INSERT INTO acct.txn_batch (batch_id) VALUES (77777);
	INSERT INTO acct.txn_source_parent
	SELECT (jsonb_populate_record(NULL::acct.txn_source_parent, to_jsonb(s) || jsonb_build_object('txn_id', 900000000 + s.txn_id, 'batch_id', 77777))).*
	  FROM (SELECT * FROM acct.txn_source_parent WHERE txn_month = '2025-01-01' LIMIT 5) AS s});
is($node->safe_psql('copied', q{SELECT transactions FROM acct.batches_waiting() WHERE batch_id = 77777}), '5', 'copied: rows put into a batch by hand wait');
$node->safe_psql('copied', large_runs("SELECT * FROM acct.run_month('2025-01-01', 'by hand')"));
is($node->safe_psql('copied', q{SELECT transactions FROM acct.journal_run WHERE run_key = 'by hand'}), '5', 'copied: they are booked');

$node->stop;
done_testing();
