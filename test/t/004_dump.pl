# A database that was dumped and restored has the same ledger and goes on with it.
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

# One posted run, one that is expanded, one batch that no run has.
make_database($node, 'original');
load_batch($node, 'original', 5000, 42);
$node->safe_psql('original', "SELECT * FROM acct.run_month('2025-01-01', 'posted')");
load_batch($node, 'original', 2000, 43);
$node->safe_psql('original', "SELECT * FROM acct.expand_journals(acct.create_run('2025-01-01', 'expanded'))");
load_batch($node, 'original', 1000, 44);

$node->command_ok([ 'pg_dump', '-f', "$dir/plain.sql", 'original' ], 'dumped as text');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom.dump", 'original' ], 'dumped in custom format');
$node->command_ok([ 'pg_dump', '--no-unlogged-table-data', '-Fc', '-f', "$dir/logged.dump", 'original' ], 'dumped without staging');

my %restore = (
	plain => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dir/plain.sql" ],
	custom => [ 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'custom', "$dir/custom.dump" ],
	logged => [ 'pg_restore', '--exit-on-error', '-d', 'logged', "$dir/logged.dump" ]);

# What must be the same in each copy.
my %same = (
	'runs' => 'SELECT * FROM acct.journal_run ORDER BY run_id',
	'trial balance' => "SELECT * FROM acct.trial_balance('2025-01-01')",
	'headers' => 'SELECT * FROM acct.ledger_entry_header ORDER BY je_id',
	'digest of the ledger' => 'SELECT acct.run_digest(1)',
	'exceptions' => 'SELECT * FROM acct.je_exception ORDER BY run_id, txn_id, basis',
	'checks of the posted run' => 'SELECT * FROM acct.validate_run(1) ORDER BY check_name',
	'source' => 'SELECT count(*), sum(gross_amount), min(batch_id), max(batch_id) FROM acct.txn_source_parent',
	'audit trail' => 'SELECT * FROM acct.template_audit ORDER BY audit_id',
	'protected tables' => 'SELECT relation::text COLLATE "C", has_posted FROM ledger_guard.protected ORDER BY 1');

sub run_next
{
	my ($db) = @_;

	$node->safe_psql($db, "SELECT * FROM acct.post_journals(2)");
	$node->safe_psql($db, "SELECT * FROM acct.run_month('2025-01-01', 'next')");
	return;
}

my %original = map { $_ => $node->safe_psql('original', $same{$_}) } keys %same;
my $ledger = fingerprint($node, 'original');
run_next('original');
my $next_ledger = fingerprint($node, 'original');

for my $db (sort keys %restore)
{
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->command_ok($restore{$db}, "$db: restored");
	is($node->safe_psql($db, $same{$_}), $original{$_}, "$db: same $_") for sort keys %same;
	is(fingerprint($node, $db), $ledger, "$db: same ledger");
	is(broken_invariants($node, $db), '', "$db: all invariants hold");
	like($node->safe_psql($db, 'SELECT acct.install()'), qr/\S/, "$db: layout is whole");

	# What protects the ledger is there too.
	for my $statement (
		'UPDATE acct.ledger_entry_line SET debit = debit',
		'DELETE FROM acct.ledger_entry_header_2025_01',
		'TRUNCATE acct.ledger_entry_line_2025_01')
	{
		fails_with($node, $db, $statement, qr/ERROR:  LE007:/, "$db: $statement");
	}
	for my $statement ('DROP TABLE acct.ledger_entry_line_2025_01', 'DROP SCHEMA acct CASCADE')
	{
		fails_with($node, $db, $statement, qr/ERROR:  LE011:/, "$db: $statement");
	}
	fails_with($node, $db, 'UPDATE acct.txn_source_parent SET gross_amount = gross_amount', qr/ERROR:  LE008:/, "$db: taken source");

	if ($db eq 'logged')
	{
		fails_with($node, $db, 'SELECT * FROM acct.post_journals(2)', qr/ERROR:  LE002: .*\nHINT:  .*expand_journals/, "$db: no staging");
		is($node->safe_psql($db, 'SELECT bool_or(already_done) FROM acct.expand_journals(2)'), 'f', "$db: expanded again");
	}
	is(failing_checks($node, $db, 2), '', "$db: expanded run is valid");
	run_next($db);
	is(fingerprint($node, $db), $next_ledger, "$db: same ledger after the next runs");
	is(broken_invariants($node, $db), '', "$db: all invariants hold after the next runs");
	is($node->safe_psql($db, "SELECT * FROM acct.trial_balance('2025-01-01')"),
		$node->safe_psql('original', "SELECT * FROM acct.trial_balance('2025-01-01')"),
		"$db: same trial balance after the next runs");
}

$node->stop;
done_testing();
