# ALTER EXTENSION UPDATE from each released version gives the extension that CREATE EXTENSION gives, and a ledger that was
# filled before goes on after it.
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
my $newest = $node->safe_psql('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'ledger_engine'});
my @released = split /\n/,
  $node->safe_psql('postgres', qq{SELECT version FROM pg_available_extension_versions
	WHERE name = 'ledger_engine' AND version <> '$newest' ORDER BY string_to_array(version, '.')::integer[]});

# scripts/make-delta, on two small scripts: each kind of change.
my %small;
$small{old} = <<'END';
\echo this is not read \quit
-- A comment; with a semicolon
CREATE FUNCTION acct.same(a integer) RETURNS integer LANGUAGE sql AS $$ SELECT a; -- ; $$;
COMMENT ON FUNCTION acct.same(integer) IS 'Same; as before';
CREATE FUNCTION acct.body(a integer, b text DEFAULT 'x, y') RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION acct.gone(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
COMMENT ON FUNCTION acct.gone(integer) IS 'Gone';
CREATE FUNCTION acct.result(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION acct.renamed(a integer) RETURNS TABLE (x integer, y text) LANGUAGE sql AS $$ SELECT 1, 'y' $$;
CREATE FUNCTION acct.no_default(a integer, b integer DEFAULT 1 + (2)) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION acct.atomic(a integer) RETURNS integer LANGUAGE sql
BEGIN ATOMIC
    SELECT CASE WHEN a > 0 THEN 1 END;
    SELECT acct.result(a)::integer;
END;
CREATE FUNCTION acct.overloaded(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION acct.comment_only(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
COMMENT ON FUNCTION acct.comment_only(integer) IS 'Old';
CREATE FUNCTION acct.uncommented(double precision[], b timestamp with time zone, OUT c text) LANGUAGE sql AS $$ SELECT 'c' $$;
COMMENT ON FUNCTION acct.uncommented(double precision[], timestamp with time zone) IS 'Goes';
CREATE PROCEDURE acct.proc(a integer, INOUT b integer DEFAULT NULL) LANGUAGE sql AS 'SELECT 1';
COMMENT ON PROCEDURE acct.proc(integer, integer) IS 'Procedure';
CREATE FUNCTION acct.opened() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION acct.closed() RETURNS integer LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON ALL ROUTINES IN SCHEMA acct FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acct.same(integer), acct.closed(),
    acct.result(integer) TO PUBLIC;
END
$small{new} = $small{old};
for ($small{new})
{
	s/SELECT 1 \$\$/SELECT 2 \$\$/;
	s/CREATE FUNCTION acct\.gone.*?;\nCOMMENT.*?;\n//s;
	s/(acct\.result\(a integer\) RETURNS) integer/$1 bigint/;
	s/y text\) LANGUAGE/z text) LANGUAGE/;
	s/ DEFAULT 1 \+ \(2\)//;
	s/'Old'/'New: it''s other'/;
	s/COMMENT ON FUNCTION acct\.uncommented.*?;\n//;
	s/acct\.closed\(\),/acct.opened(),/;
	s/(CREATE FUNCTION acct\.overloaded)/$1(a text) RETURNS integer LANGUAGE sql AS 'SELECT 1';\n$1/;
	s/REVOKE/CREATE FUNCTION acct.new_one(a numeric(20,4) DEFAULT NULL) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0';\nREVOKE/;
}
append_to_file("$dir/small--1.sql", $small{old});
append_to_file("$dir/small--2.sql", $small{new});
my $make_delta = "$FindBin::RealBin/../../scripts/make-delta";
my ($delta, $failure) = run_command([ $make_delta, "$dir/small--1.sql", "$dir/small--2.sql" ]);
is($failure, '', 'a delta is made');
like($delta, qr/^\\echo Use "ALTER EXTENSION small UPDATE TO '2'" to load this file\. \\quit\n/, 'it is not to be run by itself');
unlike($delta, qr/acct\.same|acct\.proc/, 'it does not touch what is the same');
like($delta, qr/\nCREATE FUNCTION acct\.new_one/, 'new routines are made without OR REPLACE');
like($delta, qr/DROP FUNCTION acct\.atomic\(integer\);.*DROP FUNCTION acct\.result\(integer\);.*CREATE FUNCTION acct\.result/s,
	'what a routine cannot be replaced under is dropped before');
for my $db ('small_updated', 'small_fresh')
{
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE SCHEMA acct');
}
$node->safe_psql('small_updated', $_ =~ s/^\\echo.*\n//r) for $small{old}, $delta;
$node->safe_psql('small_fresh', $small{new} =~ s/^\\echo.*\n//r);
is_same(routines_of($node, 'small_updated'), routines_of($node, 'small_fresh'), 'small delta');
(undef, $failure) = run_command([ $make_delta, "$dir/small--1.sql", "$dir/small--1.sql" ]);
is($failure, '', 'a delta of a script to itself is made');
append_to_file("$dir/small--1.sql", "CREATE TYPE acct.kind AS ENUM ('a');\n");
(undef, $failure) = run_command([ $make_delta, "$dir/small--1.sql", "$dir/small--2.sql" ]);
like($failure, qr/cannot undo this statement .*CREATE TYPE acct\.kind/, 'what it cannot undo is an error');

# What is the same in a fresh database of the newest version.
sub grant_as_a_site_does
{
	my ($db) = @_;

	$node->safe_psql(
		$db, q{
		GRANT USAGE ON SCHEMA acct TO upgrade_clerk;
		GRANT EXECUTE ON FUNCTION acct.expand_journals(bigint), acct.post_journals(bigint), acct.month_end(date) TO upgrade_clerk;
		GRANT SELECT ON acct.journal_run TO upgrade_clerk;});
	return;
}
$node->safe_psql('postgres', 'CREATE ROLE upgrade_clerk; CREATE ROLE upgrade_checker SUPERUSER; CREATE ROLE acct_loader; CREATE ROLE upgrade_loader IN ROLE acct_loader');
make_database($node, 'fresh');
grant_as_a_site_does('fresh');
my $routines = routines_of($node, 'fresh');
my $catalog = catalog_of($node, 'fresh');

# A month's small and large runs, one that is expanded, a batch that no run has.
sub fill
{
	my ($db) = @_;

	load_batch($node, $db, 3000, 42);
	$node->safe_psql($db, "SELECT * FROM acct.run_month('2025-01-01', 'small')");
	load_batch($node, $db, 4000, 43);
	$node->safe_psql($db, large_runs("SELECT * FROM acct.run_month('2025-01-01', 'large')"));
	load_batch($node, $db, 2000, 44);
	$node->safe_psql($db, large_runs("SELECT * FROM acct.expand_journals(acct.create_run('2025-01-01', 'expanded'))"));
	load_batch($node, $db, 1000, 45);
	is($node->safe_psql($db, "SELECT string_agg(status, ' ' ORDER BY run_id) FROM acct.journal_run"), 'posted posted expanded', "$db: filled");
	return;
}

# A template is edited, approved by another, and used from its date on.
sub edit_template
{
	my ($db) = @_;

	$node->safe_psql(
		$db, q{
		SELECT acct.new_template_version('CONTRIB', '2025-02-01');
		UPDATE acct.journal_template_line SET memo = 'Edited' WHERE (template_code, version, line_no) = ('CONTRIB', 2, 1);
		SELECT acct.submit_template('CONTRIB', 2);
		SET SESSION AUTHORIZATION upgrade_checker;
		SELECT acct.approve_template('CONTRIB', 2);});
	load_quietly($node, $db, '2025-02-01', 1000, 46);
	$node->safe_psql($db, "SELECT * FROM acct.run_month('2025-02-01', 'february')");
	is($node->safe_psql($db, q{SELECT count(*) > 100 FROM acct.ledger_entry_header WHERE (template_code, template_version) = ('CONTRIB', 2)
		AND je_date >= '2025-02-01'}), 't', "$db: the edited template is used");
	return;
}

# What replays of posted runs of transactions find.
sub different_replays
{
	my ($db) = @_;

	return $node->safe_psql($db, q{SELECT format('%s %s: %s, not %s', r.run_key, c.check_name, c.actual, c.expected) FROM acct.journal_run AS r, acct.replay_run(r.run_id) AS c
		WHERE r.kind = 'transaction' AND r.status = 'posted' AND NOT c.passed});
}

sub go_on
{
	my ($db) = @_;

	is(different_replays($db), '', "$db: runs of before are what they were when they are computed again");
	is(failing_checks($node, $db, 3), '', "$db: the expanded run is valid");
	$node->safe_psql($db, 'SELECT * FROM acct.post_journals(3)');
	$node->safe_psql($db, large_runs("SELECT * FROM acct.run_month('2025-01-01', 'next')"));
	edit_template($db);
	is(approve_by_another($node, $db, manual_journal($node, $db, '2025-02-28', '2025-03-01')), 'manual reversal', "$db: a manual journal is posted with its reversal");
	# Runs of before are corrected, and reversed and booked again.
	change_tax($node, $db, '2025-01-01', 0.06);
	my $run;
	for my $call ("correct_run('small', '2025-03-31', 'The rate was wrong')", "reverse_run('large', '2025-03-31', 'All of it')")
	{
		$run = $node->safe_psql($db, "SELECT acct.$call");
		$node->safe_psql($db, "SELECT * FROM acct.expand_journals($run)");
		cmp_ok(post_by_another($node, $db, $run), '>', 0, "$db: $call: posted, with journals");
	}
	$node->safe_psql($db, "SELECT acct.rebook_run($run) AS again \\gset\nSELECT * FROM acct.expand_journals(:again);\nSELECT * FROM acct.post_journals(:again)");
	is(broken_invariants($node, $db), '', "$db: all invariants hold after the next runs");
	is(different_replays($db), '', "$db: all runs are what they were when they are computed again");
	is($node->safe_psql($db, q{SELECT string_agg(status, ' ' ORDER BY run_id) FROM acct.journal_run WHERE kind = 'transaction'}), 'posted reversed posted posted posted posted',
		"$db: all runs are posted, and one is reversed");
	return;
}

# Until install() was called where it is needed, functions refuse to work.
sub install_layout
{
	my ($db) = @_;
	my ($installed, $needed) = split /\|/, $node->safe_psql($db, 'SELECT version, acct._layout_version() FROM acct.engine_layout');

	if ($installed != $needed)
	{
		for my $call ("create_run('2025-01-01')", 'expand_journals(3)', 'post_journals(3)', "trial_balance('2025-01-01')")
		{
			fails_with($node, $db, "SELECT * FROM acct.$call", qr/ERROR:  LE010: .*\nDETAIL:  Installed: $installed, needed: $needed\.\nHINT: .*acct\.install\(\)/,
				"$db: $call before install()");
		}
	}
	like($node->safe_psql($db, 'SELECT acct.install()'), qr/^layout $needed (installed|was there)$/, "$db: installed");
	is($node->safe_psql($db, 'SELECT acct.install()'), "layout $needed was there", "$db: installed again, nothing is left to do");
	return;
}

# What a site has over staging is named where install() cannot make the tables anew; what it gave them stays.
sub staging_of_a_site
{
	my ($db) = @_;

	$node->safe_psql(
		$db, q{
		ALTER TABLE acct.je_header_staging ADD COLUMN mine integer;
		COMMENT ON COLUMN acct.je_header_staging.mine IS 'Ours';
		CREATE INDEX mine ON acct.je_header_staging (policy_no);
		CREATE VIEW public.of_staging AS SELECT run_id, is_posted FROM acct.run_staging;
		CREATE VIEW public.in_the_way AS SELECT run_id FROM acct.je_line_staging;
		CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
		CREATE TRIGGER in_the_way BEFORE DELETE ON acct.je_header_staging FOR EACH ROW EXECUTE FUNCTION public.noop();
		GRANT SELECT ON acct.run_staging, acct.je_header_staging TO upgrade_clerk;
		GRANT SELECT (debit) ON acct.je_line_staging TO upgrade_clerk WITH GRANT OPTION;});
	fails_with($node, $db, 'SELECT acct.install()', qr/ERROR:  LE010: table acct\.je_header_staging cannot be replaced by one with the same columns that is not partitioned\nDETAIL:  trigger in_the_way on table je_header_staging\n.*HINT:  Drop what depends/s,
		"$db: a trigger on staging is named");
	$node->safe_psql($db, 'DROP TRIGGER in_the_way ON acct.je_header_staging');
	fails_with($node, $db, 'SELECT acct.install()', qr/ERROR:  LE010: table acct\.je_line_staging cannot be replaced .*\nDETAIL:  view public\.in_the_way depends on table je_line_staging\n/s,
		"$db: so is a view");
	$node->safe_psql($db, 'DROP VIEW public.in_the_way; DROP FUNCTION public.noop()');
	return $node->safe_psql($db, 'SELECT count(*), count(DISTINCT run_id) FROM acct.je_line_staging');
}

sub site_kept_its_staging
{
	my ($db, $rows) = @_;

	is($node->safe_psql($db, 'SELECT count(*), count(DISTINCT run_id) FROM acct.je_line_staging'), $rows, "$db: staging has the rows that it had");
	is( $node->safe_psql($db, q{SELECT string_agg(format('%s %s %s', c.relname, c.relkind, (SELECT count(*) FROM pg_inherits AS i WHERE i.inhparent = c.oid)), ', ' ORDER BY c.relname)
		FROM pg_class AS c WHERE c.relnamespace = 'acct'::regnamespace AND c.relname IN ('je_header_staging', 'je_line_staging')}),
		'je_header_staging r 4, je_line_staging r 4', "$db: of three runs, and what small runs share");
	is( $node->safe_psql($db, q{SET ROLE upgrade_clerk; SELECT count(*) > 0, bool_or(is_posted) FROM acct.run_staging; SELECT count(*) > 0 FROM acct.je_header_staging WHERE mine IS NULL;
		SELECT sum(debit) > 0 FROM acct.je_line_staging}), "t|t\nt\nt", "$db: what was granted on staging");
	is( $node->safe_psql($db, q{SELECT col_description('acct.je_header_staging'::regclass, attnum), (SELECT count(*) FROM pg_index WHERE indrelid = 'acct.je_header_staging'::regclass)
		FROM pg_attribute WHERE attrelid = 'acct.je_header_staging'::regclass AND attname = 'mine'}), 'Ours|1', "$db: a site's column and index");
	is($node->safe_psql($db, 'SELECT count(*) > 0 FROM public.of_staging WHERE is_posted'), 't', "$db: a site's view over run_staging");
	$node->safe_psql(
		$db, q{
		DROP VIEW public.of_staging;
		REVOKE SELECT ON acct.run_staging, acct.je_header_staging FROM upgrade_clerk;
		REVOKE SELECT (debit) ON acct.je_line_staging FROM upgrade_clerk;
		ALTER TABLE acct.je_header_staging DROP COLUMN mine;
		DROP INDEX IF EXISTS acct.je_header_staging_policy_no_idx, acct.je_header_staging_new_policy_no_idx;});
	return;
}

# Another layout's number is enough: what install() does then is the same for all.
$node->safe_psql('fresh', 'UPDATE acct.engine_layout SET version = version - 1');
install_layout('fresh');
is_same(catalog_of($node, 'fresh'), $catalog, 'fresh, after another install()');

# The older SQL with the newer module, as it is between the installation of the files and the update. The module refuses that, except
# in sessions that have loaded the one by which 0.1.0 calls it.
sub make_older_database
{
	my ($db, $version) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql('postgres', "ALTER DATABASE $db SET session_preload_libraries = 'ledger_engine_0_1'");
	make_database($node, $db, $version, 1);
	return;
}

sub update_database
{
	my ($db) = @_;

	$node->safe_psql('postgres', "ALTER DATABASE $db RESET session_preload_libraries");
	$node->safe_psql($db, 'ALTER EXTENSION ledger_engine UPDATE');
	return;
}

ok(@released > 0, 'there is a released version');
for my $version (@released)
{
	my $db = 'updated_' . $version =~ s/\W/_/gr;
	my $copy = "restored_$db";

	make_older_database($db, $version);
	is($node->safe_psql($db, q{SELECT extversion FROM pg_extension WHERE extname = 'ledger_engine'}), $version, "$version installed");
	grant_as_a_site_does($db);
	fill($db);
	# Just before there are seals.
	$node->safe_psql($db, "SELECT acct.close_period('MAIN', 'PRIMARY', '2024-06-01')") if $version eq '0.1.0';
	is(broken_invariants($node, $db), '', "$db: all invariants hold before the update");
	is($node->safe_psql($db, qq{SELECT count(*) FROM pg_extension_update_paths('ledger_engine')
		WHERE source = '$version' AND target = '$newest' AND path IS NOT NULL}), 1, "$version leads to $newest");
	my $data = data_of($node, $db);
	my $files = q{SELECT relname, relfilenode FROM pg_class WHERE relname ~ '^ledger_entry_|^je_.*_staging_\d' AND relkind = 'r' ORDER BY relname};
	my $files_before = $node->safe_psql($db, $files);
	my $session = start_session($node, $db);
	$session->submit("SELECT count(*) FROM acct.validate_run(3); SELECT count(*) FROM acct.trial_balance('2025-01-01')");
	wait_until('a session with plans of the older version', sub { $session->done });
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$db.dump", $db ], "$db: dumped");

	# The loader is a member of acct_loader from before the update. What another role has by hand is taken back.
	$node->safe_psql($db, 'GRANT SELECT, INSERT ON acct.txn_source_parent TO upgrade_clerk');
	update_database($db);
	is($node->safe_psql($db, q{SELECT extversion FROM pg_extension WHERE extname = 'ledger_engine'}), $newest, "$db: updated");
	is_same(routines_of($node, $db), $routines, $db);
	# Before layout 5 staging was partitioned; install() replaces it.
	my $replaced = $node->safe_psql($db, q{SELECT relkind = 'p' FROM pg_class WHERE oid = 'acct.je_header_staging'::regclass}) eq 't';
	my $in_the_way = $replaced ? staging_of_a_site($db) : undef;
	install_layout($db);
	site_kept_its_staging($db, $in_the_way) if $replaced;
	is($node->safe_psql($db, q{SELECT string_agg(entity_code, ' ' ORDER BY entity_code) FROM acct.entity}), 'MAIN SYARIAH', "$db: the entities of its ledger are registered");
	my $now = catalog_of($node, $db);
	is($now->{$_}, $catalog->{$_}, "$db: same $_") for 'views', 'event trigger', 'functions of the guard', 'default privileges';
	is_same(data_of($node, $db, $data), $data, $db);
	is(broken_invariants($node, $db), '', "$db: all invariants hold");
	is($node->safe_psql($db, $files), $files_before, "$db: no table of the ledger or of staging is rewritten");
	is($node->safe_psql($db, 'SELECT DISTINCT journal_type, original_date IS NULL FROM acct.ledger_line'), 'transaction|t',
		"$db: its journals are of transactions");
	is($node->safe_psql($db, 'SET ROLE upgrade_clerk; SELECT bool_and(already_done) FROM acct.post_journals(2)'), 't', "$db: a grant of the site holds");
	my $load = q{INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, tabarru_amount)
		VALUES (900001, '2025-01-01', '2025-01-15', 'A', 'P', 'C', 1, 1)};
	fails_with($node, $db, "SET SESSION AUTHORIZATION upgrade_clerk; $load", qr/ERROR:  42501: /, "$db: a right to load that was granted by hand is gone");
	$node->safe_psql($db, 'SELECT acct.install_roles()');
	my ($rc, undef, $why) = $node->psql($db, "BEGIN; SET LOCAL SESSION AUTHORIZATION upgrade_loader; $load; ROLLBACK", on_error_stop => 1);
	is("$rc $why", '0 ', "$db: a member of acct_loader loads");
	$session->submit('SELECT count(*) FROM acct.validate_run(3) WHERE NOT passed');
	wait_until('the session from before', sub { $session->done });
	is($session->output, "0\n", "$db: a session from before the update goes on");
	$session->finish;
	# Version 0.1.0 had no seals.
	my $unsealed = $node->safe_psql($db, 'SELECT count(*) FROM acct.ledger_entry_line WHERE run_id NOT IN (SELECT run_id FROM acct.ledger_seal WHERE run_id IS NOT NULL)');
	is($unsealed > 0, $version eq '0.1.0', "$db: lines without a seal");
	is($node->safe_psql($db, 'SELECT coalesce(sum(lines), 0) FROM acct.seal_ledger()'), $unsealed, "$db: what was posted before is sealed");
	is($node->safe_psql($db, 'SELECT count(*) FROM acct.seal_ledger()'), 0, "$db: it is sealed once");
	go_on($db);
	is($node->safe_psql($db, q{SELECT string_agg(concat_ws(' ', check_name, month, expected, actual), E'\n') FROM acct.verify_ledger() WHERE passed IS DISTINCT FROM true}), '', "$db: the ledger is what was sealed");

	# A dump of the older version, restored where only the newer is.
	$node->safe_psql('postgres', "CREATE DATABASE $copy");
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $copy, "$dir/$db.dump" ], "$copy: restored");
	is($node->safe_psql($copy, q{SELECT extversion FROM pg_extension WHERE extname = 'ledger_engine'}), $newest, "$copy: of the newest version");
	install_layout($copy);
	is_same(routines_of($node, $copy), $routines, $copy);
	is_same(data_of($node, $copy, $data), $data, $copy);
	go_on($copy);
	# What is booked again is numbered in any order.
	my $in_order = q{run_id NOT IN (SELECT run_id FROM acct.journal_run WHERE kind = 'transaction' AND origin_run IS NOT NULL)};
	is(fingerprint($node, $copy, $in_order, 3), fingerprint($node, $db, $in_order, 3), "$copy: same ledger as the updated one");

	# What install() makes of an older layout without partitions is what it makes of nothing.
	$node->safe_psql('postgres', "CREATE DATABASE empty_$db");
	$node->safe_psql(
		"empty_$db", qq{
		CREATE EXTENSION ledger_engine VERSION '$version';
		SELECT acct.install();
		SELECT * FROM acct.run_month('2025-03-01', 'march');
		ALTER EXTENSION ledger_engine UPDATE;
		SELECT acct.install();});
	grant_as_a_site_does("empty_$db");
	is_same(catalog_of($node, "empty_$db"), $catalog, "empty_$db");

	# A run that was posted with nothing in it has given its key back: what is loaded later is booked with it. Before layout 5 it
	# kept the key until install() was called.
	$node->safe_psql("empty_$db", 'SELECT acct.install_takaful_sample()');
	load_quietly($node, "empty_$db", '2025-03-01', 100, 47);
	$node->safe_psql("empty_$db", q{SELECT * FROM acct.run_month('2025-03-01', 'march')});
	is($node->safe_psql("empty_$db", q{SELECT string_agg(format('%s %s %s', run_key, status, transactions), ', ' ORDER BY run_id) FROM acct.journal_run}),
		($replaced ? 'march discarded 0, ' : '') . 'march posted 100', "empty_$db: the key of an empty run takes what came later");
	is($node->safe_psql("empty_$db", q{SELECT string_agg(detail ->> 'run_key', ',') FROM acct.run_log WHERE step = 'discard'}), $replaced ? 'march' : '', "empty_$db: the log has it");
	is(broken_invariants($node, "empty_$db"), '', "empty_$db: all invariants hold");

	# A month that a DBA detached before the update is attached again after it, and is then like any other.
	my $detached = "detached_$db";
	make_older_database($detached, $version);
	load_quietly($node, $detached, '2024-12-01', 500, 48);
	$node->safe_psql($detached, large_runs(q{SELECT * FROM acct.run_month('2024-12-01', 'december')}));
	load_batch($node, $detached, 300, 49);
	$node->safe_psql($detached, q{SELECT * FROM acct.run_month('2025-01-01', 'january')});
	my $december = fingerprint($node, $detached);
	my @parts = (
		[ 'txn_source_parent', 'txn_source_2024_12' ], [ 'ledger_entry_header', 'ledger_entry_header_2024_12' ],
		[ 'ledger_entry_line', 'ledger_entry_line_2024_12' ]);
	$node->safe_psql($detached, join '', map { "ALTER TABLE acct.$_->[0] DETACH PARTITION acct.$_->[1];" } @parts);
	update_database($detached);
	install_layout($detached);
	$node->safe_psql($detached, join '', map { "ALTER TABLE acct.$_->[0] ATTACH PARTITION acct.$_->[1] FOR VALUES FROM ('2024-12-01') TO ('2025-01-01');" } @parts);
	is(fingerprint($node, $detached), $december, "$detached: the month that was detached has the entries that it had");
	is($node->safe_psql($detached, q{SELECT acct.install()}) =~ /was there/, 1, "$detached: nothing is left to do");
	is($node->safe_psql($detached, q{SELECT string_agg(check_name || ' ' || status, ', ') FROM acct.health('{guard, partitions_attached, snapshot}')}),
		'guard ok, partitions_attached ok, snapshot ok', "$detached: nothing is missing");
	is(failing_checks($node, $detached, 1), '', "$detached: its run is valid");
	is(approve_by_another($node, $detached, manual_journal($node, $detached, '2024-12-30', '2024-12-31')), 'manual reversal', "$detached: a manual journal is posted into it");
	change_tax($node, $detached, '2024-12-01', 0.06);
	for my $call ("correct_run('december', '2024-12-31', 'The rate was wrong')", "reverse_run('december', '2024-12-31', 'All of it')")
	{
		my $run = $node->safe_psql($detached, "SELECT acct.$call");
		$node->safe_psql($detached, "SELECT * FROM acct.expand_journals($run)");
		cmp_ok(post_by_another($node, $detached, $run), '>', 0, "$detached: $call: posted into it");
	}
	is(broken_invariants($node, $detached), '', "$detached: all invariants hold");

	# A symbol of the module means the same in both: the older SQL calls it, by its older name, until the update.
	$node->safe_psql('postgres', "CREATE DATABASE symbols_$db");
	$node->safe_psql("symbols_$db", "CREATE EXTENSION ledger_engine VERSION '$version'");
	my $symbols = q{SELECT prosrc || ': ' || (SELECT coalesce(string_agg(format_type(t, NULL), ', '), '')
		FROM unnest(coalesce(proallargtypes, proargtypes::oid[])) AS t) || ' -> ' || format_type(prorettype, NULL) FROM pg_proc
		WHERE pronamespace = 'acct'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') ORDER BY 1};
	my %is = map { split /: /, $_, 2 } split /\n/, $node->safe_psql('fresh', $symbols);
	my %was = map { split /: /, $_, 2 } split /\n/, $node->safe_psql("symbols_$db", $symbols);
	# Version 0.1.0 has them without the prefix.
	%was = map { s/^ledger_//r => $was{$_} } keys %was;
	is(join("\n", grep { !exists $is{"ledger_$_"} } sort keys %was), '', "$version: each symbol has a counterpart");
	# Expansion returns a column more.
	is(join("\n", grep { $_ ne 'expand' && $is{"ledger_$_"} ne $was{$_} } sort keys %was), '', "$version: the module's symbols have the arguments that they had");
}

$node->stop;
done_testing();
