# pg_upgrade from an older major version: the same ledger, its guard, its staging and its sequences, and the next runs.
#
# LEDGER_OLD_BINDIR names the directory of the older server's programs.  Without, the newest older one below
# /usr/lib/postgresql is taken in which the extension is installed.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub ask
{
	my ($bindir, $what) = @_;
	my ($answer) = run_command([ "$bindir/pg_config", $what ]);

	return $answer;
}

sub major
{
	my ($bindir) = @_;

	return (ask($bindir, '--version') =~ /(\d+)/)[0];
}

# Has this installation a server and the extension?
sub usable
{
	my ($bindir) = @_;

	return -x "$bindir/postgres" && -x "$bindir/pg_config" && -f ask($bindir, '--sharedir') . '/extension/ledger_engine.control'
	  && -f ask($bindir, '--pkglibdir') . '/ledger_engine.so';
}

my ($new_bindir) = run_command([ 'pg_config', '--bindir' ]);
my $new_major = major($new_bindir);
my ($old_bindir) = $ENV{LEDGER_OLD_BINDIR} // (
	sort { major($b) <=> major($a) }
	grep { usable($_) && major($_) < $new_major && major($_) >= 15 } glob '/usr/lib/postgresql/*/bin');

if (!defined $old_bindir)
{
	plan skip_all => "the extension is installed in no PostgreSQL of 15 or later that is older than $new_major (see LEDGER_OLD_BINDIR)";
}
die "$old_bindir has no server with the extension\n" if !usable($old_bindir);
my $old_major = major($old_bindir);
note("from $old_major in $old_bindir to $new_major in $new_bindir");

# pg_upgrade wants both clusters to be alike; checksums are the default from 18 on only.
my @alike = ('--locale=C', '-E', 'UTF8');
my $old = PostgreSQL::Test::Cluster->new('old', install_path => $old_bindir =~ s{/bin$}{}r);
my $new = PostgreSQL::Test::Cluster->new('new');
$old->init(extra => [@alike]);
$new->init(extra => [ @alike, $new_major >= 18 && $old_major < 18 ? '--no-data-checksums' : () ]);
$_->append_conf('postgresql.conf', "autovacuum = off\njit = off\n") for $old, $new;

# A small run and a large one, one that is expanded, one batch that no run has; roles, a dimension, a detached month, and one
# that is archived.
$old->start;
make_database($old, 'ledger');
$old->safe_psql(
	'ledger', q{
	SELECT acct.install_roles();
	SELECT acct.add_dimension('cohort', 'text', true);});
load_batch($old, 'ledger', 5000, 42);
my $columns = 'txn_month, entity_code, txn_type, product_code, channel, policy_no, currency, gross_amount, tabarru_amount, tanahud_amount, investment_amount, ujroh_amount, attributes';
$old->safe_psql(
	'ledger', qq{
	INSERT INTO acct.txn_source_parent (txn_id, bank_value_date, $columns)
	SELECT txn_id + 1000000000000, '2024-06-15', $columns FROM acct.txn_source_parent WHERE txn_id % 10 = 0});
$old->safe_psql('ledger', "SELECT * FROM acct.run_month('2025-01-01', 'small')");
load_batch($old, 'ledger', 4000, 43);
$old->safe_psql('ledger', large_runs("SELECT * FROM acct.run_month('2025-01-01', 'large')"));
load_batch($old, 'ledger', 3000, 44);
$old->safe_psql('ledger', large_runs("SELECT * FROM acct.expand_journals(acct.create_run('2025-01-01', 'expanded'))"));
load_batch($old, 'ledger', 1000, 45);
$old->safe_psql(
	'ledger', q{
	SELECT * FROM acct.rotate_ledger_partitions(0, '2025-07-01');
	ALTER TABLE acct.ledger_entry_line DETACH PARTITION acct.ledger_entry_line_2025_07;
	ALTER TABLE acct.ledger_entry_line_2025_07 RENAME TO empty_lines_2025_07;
	SELECT acct.close_period(period_month, entity_code, basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.journal_number WHERE period_month = '2024-06-01';});
is($old->safe_psql('ledger', "SELECT acct.archive_partition('ledger_entry', '2024-06-01')"), 't', 'a month is archived');
is(broken_invariants($old, 'ledger'), '', 'all invariants hold before');

my $staging = q{SELECT run_id, count(*), sum(debit), sum(credit), count(DISTINCT je_id) FROM acct.je_line_staging GROUP BY 1 ORDER BY 1};
my $data = data_of($old, 'ledger');
my $catalog = catalog_of($old, 'ledger');
my $lines_in_staging = $old->safe_psql('ledger', $staging);
my $digest = $old->safe_psql('ledger', "SELECT acct.run_digest(3, 'staging')");
isnt($lines_in_staging, '', 'there is staging');
$old->stop;

chdir $new->basedir or die "$!";
command_ok(
	[
		"$new_bindir/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir,
		'-b', $old_bindir, '-B', $new_bindir, '-s', $new->host, '-p', $old->port, '-P', $new->port
	],
	"pg_upgrade from $old_major to $new_major");
$new->start;

is($new->safe_psql('ledger', q{SELECT current_setting('server_version_num')::integer / 10000}), $new_major, 'the server is the newer one');
is_same(data_of($new, 'ledger', $data), $data, 'upgraded');
# How expressions are written differs between versions of the server.
my $now = catalog_of($new, 'ledger');
is_same({ map { $_ => $now->{$_} } grep { $_ ne 'views' } keys %$now }, { map { $_ => $catalog->{$_} } grep { $_ ne 'views' } keys %$catalog }, 'upgraded');
is($new->safe_psql('ledger', $staging), $lines_in_staging, 'same staging');
is($new->safe_psql('ledger', "SELECT acct.run_digest(3, 'staging')"), $digest, 'same digest of staging');
is(broken_invariants($new, 'ledger'), '', 'all invariants hold');
$new->safe_psql('ledger', 'ALTER EXTENSION ledger_engine UPDATE'); # where the older server had an older version
like($new->safe_psql('ledger', 'SELECT acct.install()'), qr/was there/, 'layout is whole');
make_database($new, 'fresh');
$new->safe_psql('fresh', 'SELECT acct.install_roles()');
is_same(routines_of($new, 'ledger'), routines_of($new, 'fresh'), 'upgraded, as a fresh database');

# The guard
for my $statement ('UPDATE acct.ledger_entry_line SET debit = debit', 'TRUNCATE acct.ledger_entry_line_2025_01_run_2',
	'DELETE FROM acct.ledger_entry_header_2025_01', 'DELETE FROM acct_archive.ledger_entry_line_2024_06')
{
	fails_with($new, 'ledger', $statement, qr/ERROR:  LE007:/, $statement);
}
for my $statement ('DROP TABLE acct.ledger_entry_line_2025_01_run_2', 'DROP TABLE acct.ledger_entry_header CASCADE', 'DROP SCHEMA acct CASCADE',
	'DROP TABLE acct_archive.ledger_entry_header_2024_06')
{
	fails_with($new, 'ledger', $statement, qr/ERROR:  LE011:/, $statement);
}

# The next runs
is(failing_checks($new, 'ledger', 3), '', 'the expanded run is valid');
$new->safe_psql('ledger', 'SELECT * FROM acct.post_journals(3)');
$new->safe_psql('ledger', large_runs("SELECT * FROM acct.run_month('2025-01-01', 'next')"));
load_batch($new, 'ledger', 1000, 46);
$new->safe_psql('ledger', "SELECT * FROM acct.run_month('2025-01-01', 'small again')");
is($new->safe_psql('ledger', q{SELECT count(*) FROM pg_class WHERE relname ~ '^ledger_entry_line_2025_01_run_[234]$' AND relispartition}), 3,
	'large runs have partitions of their own');
is(broken_invariants($new, 'ledger'), '', 'all invariants hold after the next runs');

# The archived month comes back.
is($new->safe_psql('ledger', "SELECT acct.restore_partition('ledger_entry', '2024-06-01')"), 't', 'the archived month is restored');
is(broken_invariants($new, 'ledger'), '', 'all invariants hold with the restored month');
is($new->safe_psql('ledger', 'SELECT bool_and(acct.run_digest(run_id) = digest) FROM acct.journal_run'), 't', 'digests of all runs');
is($new->safe_psql('ledger', 'SET ROLE acct_auditor; SELECT count(*) > 0 FROM acct.ledger_entry_line_2025_01_run_4'), 't', 'the auditor reads what is new');
$new->stop;
done_testing();
