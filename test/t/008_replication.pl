# Logical replication.  A publication of the two ledger tables by their roots brings each posted row to another node, also
# of months and partitions that are made later, and takes none away when a month is archived or dropped; one of all tables is
# in the way of no step.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 900;
my $large = 'SET ledger_engine.run_partition_min_transactions = 0; SET min_parallel_table_scan_size = 0;';
my $small = 'SET ledger_engine.run_partition_min_transactions = -1;';
my @settings = (
	'wal_level = logical',
	'max_worker_processes = 32',
	'max_logical_replication_workers = 16',
	'max_replication_slots = 16',
	'max_wal_senders = 16',
	'wal_retrieve_retry_interval = 100ms');
my $publisher = new_node('publisher', { allows_streaming => 'logical' }, @settings);
my $subscriber = new_node('subscriber', { allows_streaming => 'logical' }, @settings);

sub sql { return $publisher->safe_psql('postgres', $_[0]); }

# Makes, as plain tables, what a publication publishes and the database has not.  A subscriber that made its tables by
# acct.install() could not take large runs: their partitions would be missing.  regclass is text there, as the tables that
# it names need not exist.
sub mirror
{
	my ($db, $publication) = @_;
	my $ddl = sql(qq{
		SELECT format('CREATE SCHEMA IF NOT EXISTS %I; CREATE TABLE IF NOT EXISTS %I.%I (%s%s);', p.schemaname, p.schemaname, p.tablename,
		              (SELECT string_agg(format('%I %s%s', a.attname, replace(format_type(a.atttypid, a.atttypmod), 'regclass', 'text'),
		                                        CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' END), ', ' ORDER BY a.attnum)
		                 FROM pg_attribute AS a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
		              (SELECT format(', PRIMARY KEY (%s)', string_agg(quote_ident(a.attname), ', ' ORDER BY k.n))
		                 FROM pg_index AS i, unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, n), pg_attribute AS a
		                WHERE i.indrelid = r.oid AND i.indisprimary AND a.attrelid = r.oid AND a.attnum = k.attnum HAVING count(*) > 0))
		  FROM pg_publication_tables AS p,
		       LATERAL (SELECT format('%I.%I', p.schemaname, p.tablename)::regclass::oid AS oid) AS r
		 WHERE p.pubname = '$publication'});

	$subscriber->safe_psql($db, "SET client_min_messages = warning; $ddl");
	return;
}

sub subscribe
{
	my ($db, $publication) = @_;

	$subscriber->safe_psql('postgres', "CREATE DATABASE $db");
	$subscriber->safe_psql($db, 'CREATE EXTENSION ledger_engine'); # for its digest; the tables are not made by install()
	mirror($db, $publication);
	$subscriber->safe_psql($db, sprintf "CREATE SUBSCRIPTION %s CONNECTION '%s' PUBLICATION %s",
		$db, $publisher->connstr('postgres') =~ s/'/''/gr, $publication);
	wait_for_sync($db);
	return;
}

sub wait_for_sync
{
	my ($db) = @_;

	$subscriber->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')})
	  or die "no synchronisation of $db";
	$publisher->wait_for_catchup($db);
	return;
}

# Another node takes up what is new in the publication.
sub refresh
{
	my ($db, $publication) = @_;

	mirror($db, $publication);
	$subscriber->safe_psql($db, "ALTER SUBSCRIPTION $db REFRESH PUBLICATION");
	wait_for_sync($db);
	return;
}

# What a ledger is by run: counts, sums, and hashes of all columns that the two nodes have alike.
my $by_run = q{
	SELECT 'lines', run_id, count(*), sum(debit), sum(credit), sum(hashtextextended(l::text, 0)::numeric)
	  FROM (SELECT je_id, run_id, txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel, debit, credit
	          FROM acct.ledger_entry_line) AS l GROUP BY run_id
	UNION ALL
	SELECT 'headers', run_id, count(*), sum(total_debit), sum(total_credit), sum(hashtextextended(h::text, 0)::numeric)
	  FROM (SELECT je_id, run_id, txn_id, je_date, txn_month, template_code, template_version, line_count, entity_code, basis, txn_type,
	               product_code, channel, currency, policy_no, total_debit, total_credit, reversal_of, memo, journal_type, original_date, je_number, posted_at
	          FROM acct.ledger_entry_header) AS h GROUP BY run_id
	 ORDER BY 1, 2};
my $of_subscriber = $by_run; # less what the publisher dropped
my $by_digest = q{
	SELECT r.run_id, d.digest
	  FROM (SELECT DISTINCT run_id FROM acct.ledger_entry_line) AS r,
	       acct._digest_lines(format('SELECT txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency,
	           product_code, channel, debit, credit FROM acct.ledger_entry_line WHERE run_id = %s', r.run_id)) AS d
	 ORDER BY r.run_id};
my $digests = q{SELECT run_id, digest FROM acct.journal_run WHERE status IN ('posted', 'reversed') AND lines > 0 ORDER BY run_id};

sub same_ledger
{
	my ($db, $when) = @_;

	$publisher->wait_for_catchup($db);
	is($subscriber->safe_psql($db, $of_subscriber), sql($by_run), "$when: $db has the same ledger, run by run");
	is($subscriber->safe_psql($db, $by_digest), sql($digests), "$when: $db has the digests of the runs");
	return;
}

sub post
{
	my ($settings, $month, $key, $seed, $transactions) = @_;

	load_quietly($publisher, 'postgres', $month, $transactions || $rows, $seed);
	sql("$settings CALL acct.process_month('$month', '$key')");
	is(sql("SELECT status FROM acct.journal_run WHERE run_key = '$key'"), 'posted', "$key is posted");
	return;
}

# Publications that are there before the first run, and one subscriber that comes later
make_database($publisher, 'postgres');
sql('CREATE PUBLICATION everything FOR ALL TABLES');
sql('CREATE PUBLICATION roots FOR TABLE acct.ledger_entry_header, acct.ledger_entry_line WITH (publish_via_partition_root = true)');
sql('CREATE PUBLICATION leaves FOR TABLE acct.ledger_entry_header, acct.ledger_entry_line');
sql('CREATE PUBLICATION everything_by_root FOR ALL TABLES WITH (publish_via_partition_root = true)');
subscribe('roots', 'roots');
post($small, '2025-01-01', 'small', 1);
same_ledger('roots', 'small run');
post($large, '2025-01-01', 'large', 2);
is(sql(q{SELECT count(*) FROM pg_class WHERE relname ~ '_run_\d+$' AND relispartition}), '1', 'the large run has a partition of its own');
same_ledger('roots', 'large run');
subscribe('late', 'roots');
subscribe('everything_by_root', 'everything_by_root');
subscribe('leaves', 'leaves');
same_ledger('late', 'subscribed later');
same_ledger('everything_by_root', 'subscribed later');

# What was made by then; what is made later arrives by the roots without a word.
post($large, '2025-01-01', 'large again', 3);
post($small, '2025-02-01', 'new month', 4);
post($large, '2025-03-01', 'large into a new month', 5);
sql("SELECT * FROM acct.rotate_ledger_partitions(2, '2025-04-01')");
post($large, '2025-04-01', 'large into a rotated month', 6);
sql("BEGIN; $large SELECT acct.generate_sample_transactions('2025-05-01', $rows, 7); SELECT * FROM acct.run_month('2025-05-01', 'one transaction'); COMMIT");
same_ledger($_, 'months and partitions made later') for 'roots', 'late', 'everything_by_root';

# By the leaves replication stops at a table that the subscriber has not.  It takes the tables, and REFRESH, which brings
# what was posted before.
my $missing = qr/logical replication target relation "acct\.ledger_entry_\w+" does not exist/;
$subscriber->wait_for_log($missing);
refresh('leaves', 'leaves');
sub leaf_sums
{
	my ($node, $db) = @_;
	my $query = sql(q{SELECT string_agg(format('SELECT %L, count(*), sum(hashtextextended(t::text, 0)::numeric) FROM %I.%I AS t', p.tablename, p.schemaname, p.tablename),
		' UNION ALL ') || ' ORDER BY 1' FROM pg_publication_tables AS p WHERE p.pubname = 'leaves'});
	return $node->safe_psql($db, $query);
}
is(leaf_sums($subscriber, 'leaves'), leaf_sums($publisher, 'postgres'), 'leaves: same rows in each partition');
post($large, '2025-04-01', 'large after a refresh', 8, 600);
post($small, '2025-04-01', 'small after a refresh', 9, 600);
refresh('leaves', 'leaves');
is(leaf_sums($subscriber, 'leaves'), leaf_sums($publisher, 'postgres'), 'leaves: same rows after another refresh');
$subscriber->safe_psql('leaves', 'DROP SUBSCRIPTION leaves');
my $log_begin = -s $subscriber->logfile;

# Every step with all tables published, by leaf and by root
sql(q{INSERT INTO acct.chart_of_accounts (account_code, description, account_type, fund, parent_account_code) VALUES ('1269', 'Test', 'LIABILITY', 'OPERATOR', '1200')});
sql(q{UPDATE acct.chart_of_accounts SET description = 'Receipts' WHERE account_code = '1269'});
sql(q{INSERT INTO acct.journal_template (template_code) VALUES ('SUSPENSE');
	INSERT INTO acct.journal_template_match (template_code, match_no, txn_type) VALUES ('SUSPENSE', 1, 'UNKNOWN'), ('SUSPENSE', 2, 'OTHER');
	INSERT INTO acct.journal_template_line (template_code, line_no, dr_cr, account_code, fund, amount_expr, is_balancing)
	VALUES ('SUSPENSE', 1, 'DR', '1110', 'OPERATOR', ':gross_amount', false), ('SUSPENSE', 2, 'CR', '1269', 'OPERATOR', NULL, true)});
sql(q{UPDATE acct.journal_template_line SET memo = 'Received' WHERE template_code = 'SUSPENSE';
	UPDATE acct.journal_template_match SET priority = 200 WHERE template_code = 'SUSPENSE';
	DELETE FROM acct.journal_template_match WHERE template_code = 'SUSPENSE' AND match_no = 2;
	UPDATE acct.journal_template SET description = 'Unknown receipts' WHERE template_code = 'SUSPENSE'});
sql(q{SELECT acct.submit_template('SUSPENSE', 1); SELECT acct.return_template('SUSPENSE', 1); SELECT acct.submit_template('SUSPENSE', 1)});
sql(q{CREATE ROLE approver SUPERUSER; SET SESSION AUTHORIZATION approver; SELECT acct.approve_template('SUSPENSE', 1)});
sql(q{SELECT acct.new_template_version('SUSPENSE', '2025-06-01'); DELETE FROM acct.journal_template WHERE template_code = 'SUSPENSE' AND version = 2});
sql(q{SELECT acct.retire_template('SUSPENSE', 1, '2099-01-01')});
sql(q{SELECT acct.add_dimension('cohort', 'text', on_lines => true)});
$subscriber->safe_psql($_, 'ALTER TABLE acct.ledger_entry_header ADD COLUMN cohort text; ALTER TABLE acct.ledger_entry_line ADD COLUMN cohort text')
  for 'roots', 'late', 'everything_by_root';
$subscriber->safe_psql('everything_by_root',
	'ALTER TABLE acct.txn_source_parent ADD COLUMN cohort text; ALTER TABLE acct.je_header_staging ADD COLUMN cohort text; ALTER TABLE acct.je_line_staging ADD COLUMN cohort text');
my $run;
for my $settings ($small, $large)
{
	load_quietly($publisher, 'postgres', '2025-06-01', $rows, $settings eq $small ? 10 : 11);
	sql("UPDATE acct.txn_source_parent SET policy_no = policy_no || '!' WHERE txn_month = '2025-06-01' AND txn_id % 100 = 0
		AND batch_id = (SELECT max(batch_id) FROM acct.txn_batch)");
	sql("DELETE FROM acct.txn_source_parent WHERE txn_month = '2025-06-01' AND txn_id % 100 = 1 AND batch_id = (SELECT max(batch_id) FROM acct.txn_batch)");
	$run = sql("$settings SELECT acct.create_run('2025-06-01')");
	sql("$settings SELECT * FROM acct.expand_journals($run)");
	is(sql("SELECT acct.discard_run($run)"), 't', 'a run is discarded');
	$run = sql("$settings SELECT acct.create_run('2025-06-01')");
	sql("$settings SELECT * FROM acct.expand_journals($run)");
	is(failing_checks($publisher, 'postgres', $run), '', 'a run is valid');
	sql("$settings SELECT * FROM acct.post_journals($run)");
	$run = sql("SELECT acct.reprocess_exceptions($run)");
	sql("$settings SELECT * FROM acct.expand_journals($run)");
	sql("$settings SELECT * FROM acct.post_journals($run)");
}
# Every kind of run
change_tax($publisher, 'postgres', '2025-01-01', 0.06);
for my $call ("correct_run('large', '2025-06-30', 'The rate was wrong')", "reverse_run('new month', '2025-06-30', 'All of it')")
{
	$run = sql("SELECT acct.$call");
	sql("SELECT * FROM acct.expand_journals($run)");
	cmp_ok(post_by_another($publisher, 'postgres', $run), '>', 0, "$call: posted, with journals");
}
sql("SELECT acct.rebook_run($run) AS again \\gset\nSELECT * FROM acct.expand_journals(:again);\nSELECT * FROM acct.post_journals(:again)");
load_quietly($publisher, 'postgres', '2025-05-01', 500, 20);
sql(q{SELECT acct.close_period('2025-05-01', waive => ARRAY(SELECT finding FROM acct._closing_findings()), reason => 'a test');
	SELECT * FROM acct.run_month('2025-05-01', 'late items', '{"late": "next_open"}');
	SELECT acct.reopen_period(period_month, entity_code, basis) FROM acct.accounting_period WHERE period_month = '2025-05-01'});
is(approve_by_another($publisher, 'postgres', manual_journal($publisher, 'postgres', '2025-06-30', '2025-07-01')), 'manual reversal', 'a manual journal and its reversal');
close_shop($publisher, 'postgres', '2025-06-01');
same_ledger($_, 'every kind of run') for 'roots', 'late', 'everything_by_root';
is($subscriber->safe_psql('roots', q{SELECT string_agg(DISTINCT journal_type, ' ' ORDER BY journal_type) FROM acct.ledger_entry_header}),
	'closing correction manual reversal transaction', 'of five types');
isnt($subscriber->safe_psql('roots', 'SELECT count(*) FROM acct.ledger_entry_header WHERE original_date IS NOT NULL'), '0', 'late ones among them');
is(sql("SELECT (SELECT changed FROM acct.close_period('2025-06-01', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')), acct.reopen_period('2025-06-01', 'MAIN', 'PRIMARY')"), 't|t', 'a period is closed and opened');
sql("UPDATE acct.account_balance_snapshot SET line_count = line_count + 1 WHERE snapshot_month = '2025-06-01'");
isnt(sql('SELECT acct.update_balance_snapshot()'), '0', 'balances are recomputed');
isnt(sql("SELECT count(*) FROM acct.rotate_txn_source_partitions(1, '2031-01-01')"), '0', 'months of the source are made');
isnt(sql("SELECT count(*) FROM acct.rotate_ledger_partitions(1, '2031-01-01')"), '0', 'months of the ledger are made');
sql("$small SELECT acct.create_run('2025-06-01', 'cancelled')");
is(sql("SELECT outcome FROM acct.cancel_run('cancelled')"), 'discarded', 'a run is cancelled');
load_quietly($publisher, 'postgres', '2025-06-01', $rows, 13);
sql("$large CALL acct.run_job('$_')") for 'rotate', 'run', 'snapshot', 'retention';
is(sql(q{SELECT string_agg(detail ->> 'status', ' ') FROM acct.run_log WHERE step = 'job'}), 'done done done done', 'each job is done');
like(sql('SELECT acct.install()'), qr/was there/, 'installed again');
fails_with($publisher, 'postgres', 'UPDATE acct.ledger_entry_line SET debit = debit', qr/LE007:/, 'an UPDATE of the ledger');
fails_with($publisher, 'postgres', 'DELETE FROM acct.ledger_entry_header', qr/LE007:/, 'a DELETE from the ledger');
# An archived month is detached, which is no DELETE: it stays with the subscribers, and what was posted before arrives with one
# that was away.  One that subscribed by the leaves has the month's rows already when it is attached again.
sub kept
{
	my ($when, $ledger, @dbs) = @_;

	for my $db (@dbs)
	{
		$publisher->wait_for_catchup($db);
		is($subscriber->safe_psql($db, $by_run), $ledger, "$when: $db has it as before");
	}
	return;
}

sub archive { return sql("SELECT acct.archive_partition('$_[0]', '2025-04-01')"); }
sub restore { return sql("SELECT acct.restore_partition('$_[0]', '2025-04-01')"); }
$subscriber->safe_psql('late', 'ALTER SUBSCRIPTION late DISABLE');
post($large, '2025-04-01', 'large before the archive', 14);
post($small, '2025-04-01', 'small before the archive', 15);
$subscriber->safe_psql('postgres', 'DROP DATABASE leaves');
subscribe('leaves', 'leaves');
sql(q{SELECT acct.close_period(period_month, entity_code, basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.journal_number WHERE period_month = '2025-04-01';
	UPDATE acct.je_exception SET resolved_by_run = run_id WHERE txn_month = '2025-04-01' AND resolved_by_run IS NULL});
my $ledger = sql($by_run);
my $source = sql('SELECT count(*), sum(gross_amount) FROM acct.txn_source_parent');
is(archive($_), 't', "$_ is archived") for 'ledger_entry', 'txn_source_parent';
isnt(sql($by_run), $ledger, 'the publisher has the month in its archive');
$subscriber->safe_psql('late', 'ALTER SUBSCRIPTION late ENABLE');
kept('archived', $ledger, 'roots', 'late', 'everything_by_root');
is($subscriber->safe_psql('everything_by_root', 'SELECT count(*), sum(gross_amount) FROM acct.txn_source_parent'), $source,
	'archived: the source stays with the subscriber');
refresh('leaves', 'leaves');
# All tables: the archived ones are tables of their own from a REFRESH on.
refresh('everything_by_root', 'everything_by_root');
is($subscriber->safe_psql('everything_by_root', 'SELECT count(*), sum(debit) FROM acct_archive.ledger_entry_line_2025_04'),
	sql('SELECT count(*), sum(debit) FROM acct_archive.ledger_entry_line_2025_04'), 'archived: all tables bring the archive too');
is(restore($_), 't', "$_ is restored") for 'ledger_entry', 'txn_source_parent';
same_ledger($_, 'restored') for 'roots', 'late', 'everything_by_root';
$subscriber->safe_psql('leaves', 'ALTER SUBSCRIPTION leaves REFRESH PUBLICATION WITH (copy_data = false)');
wait_for_sync('leaves');
sql(q{SELECT acct.reopen_period(period_month, entity_code, basis) FROM acct.journal_number WHERE period_month = '2025-04-01'});
post($small, '2025-04-01', 'small after the restore', 16);
wait_for_sync('leaves');
is(leaf_sums($subscriber, 'leaves'), leaf_sums($publisher, 'postgres'), 'restored: same rows in each leaf');
$subscriber->safe_psql('leaves', 'DROP SUBSCRIPTION leaves');
post($large, '2025-04-01', 'large after the restore', 17);
same_ledger($_, 'posted into the restored month') for 'roots', 'late', 'everything_by_root';

# Away again, until the month is gone.
$subscriber->safe_psql('late', 'ALTER SUBSCRIPTION late DISABLE');
post($large, '2025-04-01', 'large before it is dropped', 18);
sql(q{SELECT acct.close_period(period_month, entity_code, basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.journal_number WHERE period_month = '2025-04-01'});
$ledger = sql($by_run);
is(archive('ledger_entry'), 't', 'the month is archived again');
my $directory = $publisher->basedir;
sql("SELECT acct.export_archive('ledger_entry', '2025-04-01', '$directory')");
is(sql(q{SELECT bool_and(v.passed) FROM acct.archived_partition a, acct.verify_archive(a.manifest) v WHERE a.restored_at IS NULL}), 't', 'exported and verified');
sql(q{UPDATE acct.retention_policy SET drop_after_months = 12 WHERE table_name = 'ledger_entry'});
is(broken_invariants($publisher, 'postgres'), '', 'all invariants hold before the month is dropped');
is(sql(q{SELECT action FROM acct.apply_retention() WHERE (table_name, month) = ('ledger_entry', '2025-04-01')}), 'drop', 'the month is dropped');
is(sql(q{SELECT to_regclass('acct_archive.ledger_entry_line_2025_04')}), '', 'it is gone');
$subscriber->safe_psql('late', 'ALTER SUBSCRIPTION late ENABLE');
kept('dropped', $ledger, 'roots', 'late', 'everything_by_root');
$of_subscriber = $by_run =~ s/(FROM acct\.ledger_entry_\w+)/$1 WHERE je_date NOT BETWEEN '2025-04-01' AND '2025-04-30'/gr;
post($small, '2025-06-01', 'small after the drop', 19);
same_ledger($_, 'at the end') for 'roots', 'late', 'everything_by_root';
is($subscriber->safe_psql('roots', 'SELECT count(cohort) FROM acct.ledger_entry_line'), '0', 'a dimension that nothing fills');
for my $table ('journal_run', 'account_balance_snapshot', 'je_exception', 'txn_source_parent', 'journal_template_line', 'journal_number',
	'accounting_period', 'archived_partition', 'retention_policy', 'run_log')
{
	my $count = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM (SELECT * FROM acct.$table) AS t";
	$count =~ s/SELECT \* FROM acct.run_log/SELECT log_id, run_id, step, partition, rows, detail, at FROM acct.run_log/;
	is($subscriber->safe_psql('everything_by_root', "SET timezone = 'UTC'; $count"), sql("SET timezone = 'UTC'; $count"), "all tables by root: same $table");
}
is(join('', grep { /ERROR: / } split /^/, substr slurp_file($subscriber->logfile), $log_begin), '', 'by the roots: no error on the subscriber');

# An expansion that is done again after a crash
load_quietly($publisher, 'postgres', '2025-06-01', 400, 12);
$run = sql("$small SELECT acct.create_run('2025-06-01')");
sql("SELECT * FROM acct.expand_journals($run)");
$publisher->stop('immediate');
$publisher->start;
sql("SELECT * FROM acct.expand_journals($run)");
sql("SELECT * FROM acct.post_journals($run)");
same_ledger($_, 'after a crash') for 'roots', 'late', 'everything_by_root';
is(sql('SELECT count(*) FROM acct.check_balance_snapshot()'), '0', 'balances equal the lines');
ok(!$publisher->log_contains('replica identity'), 'no step needed a replica identity');

$subscriber->stop;
$publisher->stop;
done_testing();
