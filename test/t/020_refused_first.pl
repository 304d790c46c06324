# What expanding and posting refuse, they refuse before any table is given a row: on each path, whichever table it is, and also
# where it was made for the run. In a build with CRASH_POINTS=1 a row can be made an error (src/common/crash_point.h), which comes
# first where a check comes too late; test/sql/honesty.sql has all that is refused.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = 'refused';
my $node = new_node('main', 'max_worker_processes = 8', 'min_parallel_table_scan_size = 0');
make_database($node, $db);
plan skip_all => 'this build has no crash points (make CRASH_POINTS=1)'
  unless $node->safe_psql($db, q{SELECT to_regproc('acct._crash_point') IS NOT NULL}) eq 't';

# The ways to write: by row, by page, by page with partitions of the run, with workers, and into the staging that small runs share
my @paths = (
	[ 'rows', 'small', -1, 'off', 0 ],
	[ 'pages', 'small', -1, 'on', 0 ],
	[ 'large', 'large', 0, 'on', 0 ],
	[ 'workers', 'large', 0, 'on', 2 ],
	[ 'shared', 'shared', -1, 'on', 0 ]);

# Tables by the step that writes them, with what is done to them to be refused: T trigger, G generated column, U unlogged,
# X exclusion.  Those made for the run are changed as they are made.
my @tables = (
	[ 'expand', 'je_header_staging', 'TG' ],
	[ 'expand', 'je_line_staging', 'TG' ],
	[ 'expand', 'je_header_staging_small', 'TX', 'shared' ],
	[ 'expand', 'je_line_staging_small', 'TX', 'shared' ],
	[ 'expand', 'je_exception', 'TGUX' ],
	[ 'expand', 'je_header_staging_\d+', 'TX', 'small|large' ],
	[ 'expand', 'je_line_staging_\d+', 'TX', 'small|large' ],
	[ 'post', 'ledger_entry_header', 'TG' ],
	[ 'post', 'ledger_entry_header_2025_01', 'TUX' ],
	[ 'post', 'ledger_entry_header_2025_02', 'TUX' ],
	[ 'post', 'ledger_entry_line', 'TG' ],
	[ 'post', 'ledger_entry_line_2025_01', 'T' ],
	[ 'post', 'ledger_entry_line_2025_01_rest', 'TUX' ],
	[ 'post', 'ledger_entry_line_2025_02_rest', 'TUX' ],
	[ 'post', 'ledger_entry_line_2025_01_run_\d+', 'TUX', 'large' ]);
my %change = (
	T => 'CREATE TRIGGER mine AFTER INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.noop()',
	G => 'ALTER TABLE %s ADD COLUMN mine bigint GENERATED ALWAYS AS (run_id + 1) STORED',
	U => 'ALTER TABLE %s SET UNLOGGED',
	X => 'ALTER TABLE %s ADD EXCLUDE USING btree (txn_id WITH =) WHERE (txn_id < 0)');

# Columns that do not serve are refused likewise, LE010.
my @columns = (
	[ 'expand', 'ALTER TABLE acct.txn_source_parent DROP COLUMN channel CASCADE' ],
	[ 'expand', 'ALTER TABLE acct.je_line_staging DROP COLUMN product_code CASCADE' ],
	[ 'expand', 'ALTER TABLE acct.je_line_staging ALTER COLUMN line_no TYPE integer' ],
	[ 'post', 'ALTER TABLE acct.ledger_entry_header DROP COLUMN policy_no CASCADE' ],
	[ 'post', 'ALTER TABLE acct.ledger_entry_line DROP COLUMN product_code CASCADE' ],
	[ 'post', 'SET LOCAL ledger_engine.allow_drop = on; DROP VIEW acct.fund_journal, acct.ledger_line, acct_bi.entries, acct_bi.lines, acct_bi.line_amounts; ALTER TABLE acct.ledger_entry_line ALTER COLUMN debit TYPE numeric(19,4)' ],
	[ 'post', 'ALTER TABLE acct.je_line_staging ADD COLUMN mine text' ]);

$node->safe_psql($db, q{
	CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TABLE public.on_new (pattern text, statement text);
	CREATE FUNCTION public.change_new_table() RETURNS event_trigger LANGUAGE plpgsql AS $$
	DECLARE
		s text;
	BEGIN
		FOR s IN SELECT format(o.statement, c.object_identity) FROM pg_event_trigger_ddl_commands() AS c
				   JOIN public.on_new AS o ON c.object_identity ~ o.pattern WHERE c.command_tag = 'CREATE TABLE' LOOP
			EXECUTE s;
		END LOOP;
	END
	$$;
	CREATE EVENT TRIGGER change_new_table ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.change_new_table();
	-- Makes a change, does the step, in which a row is an error, and takes both back: what it came to.
	CREATE FUNCTION public.attempt(run bigint, step text, change text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE change;
		PERFORM set_config('ledger_engine.crash_point', 'row', true);
		EXECUTE format('SELECT FROM acct.%s_journals(%s)', step, run);
		RAISE EXCEPTION 'done';
	EXCEPTION WHEN OTHERS THEN
		RETURN CASE WHEN SQLSTATE ~ '^LE' THEN SQLSTATE ELSE SQLERRM END;
	END
	$$;});

# January has entries, and a run with journals of January and February, and exceptions, is what is tried.
load_quietly($node, $db, '2025-01-01', 100, 1);
$node->safe_psql($db, q{SELECT * FROM acct.run_month('2025-01-01')});
load_quietly($node, $db, '2025-01-01', 300, 2);
$node->safe_psql($db, q{
	UPDATE acct.txn_source_parent AS s SET bank_value_date = CASE WHEN s.txn_id % 3 = 0 THEN date '2025-02-10' ELSE s.bank_value_date END,
	       txn_type = CASE WHEN s.txn_id % 10 = 0 THEN 'NONE' ELSE s.txn_type END
	 WHERE NOT EXISTS (SELECT FROM acct.journal_run_batch AS b WHERE b.batch_id = s.batch_id)});

# The statement that changes a table, or has it changed as soon as it is made.
sub change_of
{
	my ($table, $kind) = @_;

	return sprintf $change{$kind}, "acct.$table"
	  if $node->safe_psql($db, "SELECT to_regclass('acct.$table') IS NOT NULL") eq 't';
	return "INSERT INTO public.on_new VALUES ('^acct.$table\$', '$change{$kind}')";
}

my @tries;
for my $t (@tables)
{
	my ($step, $table, $kinds, $only) = @$t;
	push @tries, [ $step, change_of($table, $_), 'LE012', $only // '' ] for split //, $kinds;
}
push @tries, map { [ @$_, 'LE010', '' ] } @columns;

for my $p (@paths)
{
	my ($path, $size, $large_from, $direct, $workers) = @$p;
	my $own_from = $size eq 'shared' ? -1 : 0;
	my $settings = "SET ledger_engine.allow_drop = on; SET ledger_engine.run_partition_min_transactions = $large_from;
		SET ledger_engine.staging_table_min_transactions = $own_from;
		SET ledger_engine.direct_write = $direct; SET ledger_engine.bulk_index = $direct; SET ledger_engine.max_workers = $workers;";
	my $run = $node->safe_psql($db, "SELECT acct.create_run('2025-01-01')");

	for my $step ('expand', 'post')
	{
		my @mine = grep { $_->[0] eq $step && ($_->[3] eq '' || $size =~ /^(?:$_->[3])$/) } @tries;
		my @found = split /\n/, $node->safe_psql($db,
			$settings . join '', map { "SELECT public.attempt($run, '$step', \$q\$$_\$q\$);" } 'SELECT', map { $_->[1] } @mine);

		is(shift @found, 'a table is given a row', "$path: $step comes to a row");
		is(join("\n", map { $found[$_] eq $mine[$_][2] ? () : "$mine[$_][1]: $found[$_]" } 0 .. $#mine),
			'', "$path: $step refuses before a row, " . @mine . ' times');
		$node->safe_psql($db, "$settings SELECT * FROM acct.expand_journals($run)");
	}
	$node->safe_psql($db, "SELECT acct.discard_run($run)");
}
is(broken_invariants($node, $db), '', 'all invariants hold');
$node->stop;
done_testing();
