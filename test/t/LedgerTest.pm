# What the TAP tests share: nodes and databases with the takaful sample, sessions that can be interrupted, and the
# invariants of the ledger as one query.
package LedgerTest;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(
  random_seed new_node make_database load_batch load_quietly
  broken_invariants fingerprint exceptions_of failing_checks all_checks
  data_of catalog_of routines_of is_same large_runs
  $statistics change_tax taxes_changed post_by_another $by_another manual_journal approve_by_another close_shop
  has_amcheck fails_with start_session hold_lock wait_until await_recovery database_bytes
  reading_of_one_query reading_of_several
);

# The seed of a test's random numbers, which it prints: the same each time, unless LEDGER_SEED is another one.
sub random_seed
{
	my $seed = $ENV{LEDGER_SEED} || 1;

	note "seed $seed: repeat with LEDGER_SEED=$seed";
	return $seed;
}

# A started node; the arguments after its name are lines for its configuration and, as the first one, a hash for init().
sub new_node
{
	my ($name, @settings) = @_;
	my $init = ref $settings[0] ? shift @settings : {};
	my $node = PostgreSQL::Test::Cluster->new($name);

	init_node($node, %$init);
	$node->append_conf(
		'postgresql.conf', join "\n",
		$init->{allows_streaming} ? () : 'wal_level = replica', # as users have it; init() writes minimal
		'restart_after_crash = on',
		'autovacuum = off',
		'jit = off',
		'max_parallel_maintenance_workers = 0', # for indexes of empty tables, where min_parallel_table_scan_size is 0
		@settings, '');
	$node->start;
	return $node;
}

# Where scripts/check made a cluster that has the database ledger_template, the node is a copy of it, which takes less time. A server
# before 17 has no INITDB_TEMPLATE.
sub init_node
{
	my ($node, %init) = @_;
	my $template = $ENV{LEDGER_TEMPLATE};
	my $bail = \&PostgreSQL::Test::Utils::system_or_bail;

	return $node->init(%init) if !$template || $init{extra};
	no warnings 'redefine';
	local *PostgreSQL::Test::Utils::system_or_bail = sub {
		return $bail->($_[0] eq 'initdb' ? ('cp', '-RPp', $template, $node->data_dir) : @_);
	};
	$node->init(%init);
	$node->{ledger_template} = 1;
	return;
}

# A database, or one that is there, with the extension, of a given version or the newest, and the sample policy.
sub make_database
{
	my ($node, $db, $version, $exists) = @_;
	my $which = defined $version ? "VERSION '$version'" : '';

	if ($node->{ledger_template} && !$which && !$exists)
	{
		$node->safe_psql('template1', "DROP DATABASE postgres") if $db eq 'postgres';
		# With wal_level = minimal the other strategy neither logs nor syncs what unlogged indexes begin with after a crash.
		$node->safe_psql('template1', "CREATE DATABASE $db TEMPLATE ledger_template STRATEGY FILE_COPY");
		return;
	}
	$node->safe_psql('postgres', "CREATE DATABASE $db") if $db ne 'postgres' && !$exists;
	$node->safe_psql(
		$db, qq{
		CREATE EXTENSION ledger_engine $which;
		SELECT acct.install();
		SELECT acct.install_takaful_sample();});
	return;
}

# Statements, with which runs of any size have ledger partitions of their own; without, none have.
sub large_runs
{
	my ($sql) = @_;

	return "SET ledger_engine.run_partition_min_transactions = 0; $sql";
}

# What autovacuum would do, which is off in new_node(). Without it the search for repeated transactions compares each with each.
our $statistics = q{SET default_statistics_target = 10; ANALYZE acct.txn_source_parent (txn_id, batch_id, entity_code, txn_month), acct.journal_run_batch;
	RESET default_statistics_target;};

# A second person, who approves rules and posts reversals and corrections that others made.
our $by_another = q{
	DO $$ BEGIN IF to_regrole('second_person') IS NULL THEN CREATE ROLE second_person SUPERUSER; END IF; END $$;
	SET SESSION AUTHORIZATION second_person;};

# From a day on commissions, which the sample taxes by 5 per cent, have another rate: two accounts of each change. The statements of that.
sub taxes_changed
{
	my ($from, $rate) = @_;

	return qq{
		SELECT acct.new_template_version('COMMISSION', '$from') AS version \\gset
		UPDATE acct.journal_template_line SET amount_expr = ':ujroh_amount * $rate'
		 WHERE template_code = 'COMMISSION' AND version = :version AND line_no = 2;
		SELECT acct.submit_template('COMMISSION', :version);
		$by_another
		SELECT acct.approve_template('COMMISSION', :version);};
}

sub change_tax
{
	my ($node, $db, $from, $rate) = @_;

	$node->safe_psql($db, taxes_changed($from, $rate));
	return;
}

# Posts what somebody else made; returns how many journals that were. The settings are those of the way that it takes.
sub post_by_another
{
	my ($node, $db, $run, $settings) = @_;

	return $node->safe_psql($db, ($settings // '') . "$by_another SELECT sum(journals) FROM acct.post_journals($run)");
}

# Enters and submits a manual journal of some day, with a reversal on another one; its number.
sub manual_journal
{
	my ($node, $db, $day, $reversal) = @_;

	return $node->safe_psql(
		$db, qq{
		INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo, auto_reverse_on) VALUES ('MAIN', '$day', 'IDR', 'Accrual', '$reversal') RETURNING journal_id \\gset
		INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit, memo)
		VALUES (:journal_id, '1510', 'OPERATOR', 70.5, 0, 'Accrued'), (:journal_id, '1230', 'OPERATOR', 0, 70.5, NULL);
		SELECT journal_id FROM acct.manual_journal WHERE journal_id = :journal_id AND acct.submit_manual_journal(:journal_id) IS NOT NULL});
}

# Approves what somebody else entered; the types of the journals that are posted with it.
sub approve_by_another
{
	my ($node, $db, $journal) = @_;

	return $node->safe_psql($db, "$by_another SELECT string_agg(journal_type, ' ') FROM acct.approve_manual_journal($journal)");
}

# A book of its own, SHOP, with transactions of a month that is the last of its year, which is closed; the run of its closing entries.
sub close_shop
{
	my ($node, $db, $month) = @_;

	return $node->safe_psql(
		$db, qq{
		INSERT INTO acct.entity (entity_code) VALUES ('SHOP');
		SELECT FROM acct.book_transactions((SELECT jsonb_agg(to_jsonb(s) - '{batch_id,attributes}'::text[] || jsonb_build_object('txn_id', -s.txn_id, 'entity_code', 'SHOP', 'bank_value_date', '$month') ORDER BY s.txn_id)
		  FROM (SELECT * FROM acct.txn_source_parent WHERE txn_month = '$month' AND txn_id > 0 ORDER BY txn_id LIMIT 60) AS s), 'shop');
		SELECT FROM acct.set_book('SHOP', 'PRIMARY', jsonb_build_object('first_year_month', extract(month FROM date '$month' + 31)));
		SELECT FROM acct.close_year(acct.month_end('$month'), 'SHOP', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test');
		SELECT max(run_id) FROM acct.journal_run WHERE kind = 'closing'}) =~ s/^\n+//r;
}

# Loads a batch of January 2025; the same seed and rows are the same transactions everywhere.
sub load_batch
{
	my ($node, $db, $rows, $seed) = @_;

	is($node->safe_psql($db, "SELECT acct.generate_sample_transactions('2025-01-01', $rows, $seed)"),
		$rows, "$db: $rows transactions loaded");
	return;
}

# The same for any month, without being a test of its own.
sub load_quietly
{
	my ($db_node, $db, $month, $rows, $seed) = @_;

	$db_node->safe_psql($db, "SELECT acct.generate_sample_transactions('$month', $rows, $seed)");
	return;
}

# Of the balances themselves: each month opens with what the one before closed with, and none is left out.
my $closing = q{
SELECT format('closing balance of %s %s %s %s %s %s does not follow from those before', entity_code, basis, snapshot_month, fund, account_code, currency)
  FROM (SELECT s.*, sum(period_debit - period_credit) OVER account AS closing, lead(snapshot_month) OVER account AS next_month,
               max(snapshot_month) OVER (PARTITION BY entity_code, basis) AS last_month
          FROM acct.account_balance_snapshot AS s
        WINDOW account AS (PARTITION BY entity_code, basis, fund, account_code, currency ORDER BY snapshot_month)) AS s
 WHERE (opening_balance, closing_balance) IS DISTINCT FROM (closing - period_debit + period_credit, closing)
    OR closing <> 0 AND snapshot_month < last_month AND next_month IS DISTINCT FROM (snapshot_month + interval '1 month')::date};

# What must hold at any time between two transactions, whatever happened before: a line for each violation.
my $invariants = q{
WITH header AS MATERIALIZED (
	SELECT run_id, entity_code, basis, date_trunc('month', je_date)::date AS month, count(*) AS journals,
	       sum(line_count) AS lines, sum(total_debit) AS debit, sum(total_credit) AS credit,
	       min(right(je_number, 9)::bigint) AS first_number, max(right(je_number, 9)::bigint) AS last_number,
	       count(DISTINCT je_number) AS numbers
	  FROM acct.ledger_entry_header GROUP BY 1, 2, 3, 4),
line AS MATERIALIZED (
	SELECT run_id, entity_code, basis, date_trunc('month', je_date)::date AS month, fund, account_code, currency,
	       count(*) AS lines, sum(debit) AS debit, sum(credit) AS credit
	  FROM acct.ledger_entry_line GROUP BY 1, 2, 3, 4, 5, 6, 7),
journal AS MATERIALIZED (
	SELECT je_id, je_date, run_id, fund, count(*) AS lines, sum(debit) AS debit, sum(credit) AS credit
	  FROM acct.ledger_entry_line WHERE OF_RUNS GROUP BY 1, 2, 3, 4),
run AS MATERIALIZED (
	SELECT r.*, coalesce(h.journals, 0) AS posted_journals, coalesce(h.lines, 0) AS header_lines, coalesce(l.lines, 0) AS posted_lines,
	       coalesce(l.debit, 0) AS posted_debit, coalesce(e.exceptions, 0) AS set_aside, b.source_rows AS claimed,
	       (SELECT count(*) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.relnamespace = 'acct'::regnamespace
	           AND c.relname IN ('je_header_staging_' || r.run_id, 'je_line_staging_' || r.run_id)) AS staging_tables
	  FROM acct.journal_run r
	  LEFT JOIN (SELECT run_id, sum(journals)::bigint AS journals, sum(lines)::bigint AS lines FROM header GROUP BY 1) AS h USING (run_id)
	  LEFT JOIN (SELECT run_id, sum(lines)::bigint AS lines, sum(debit) AS debit FROM line GROUP BY 1) AS l USING (run_id)
	  LEFT JOIN (SELECT run_id, count(*) AS exceptions FROM acct.je_exception WHERE voided_at IS NULL GROUP BY 1) AS e USING (run_id)
	  LEFT JOIN (SELECT run_id, sum(source_rows) AS source_rows FROM acct.journal_run_batch WHERE released_at IS NULL GROUP BY 1) AS b USING (run_id))
SELECT format('run %s is %s: %s journals, %s lines in the ledger', run_id, status, posted_journals, posted_lines)
  FROM run WHERE (posted_journals, posted_lines, header_lines, posted_debit) IS DISTINCT FROM
       CASE WHEN status IN ('posted', 'reversed') THEN (journals, lines, lines, debit) ELSE (0::bigint, 0::bigint, 0::bigint, 0::numeric) END
UNION ALL
SELECT format('run %s is created, but something is recorded of it', run_id) FROM run
 WHERE status = 'created' AND (coalesce(journals, lines, exceptions, ignored) IS NOT NULL OR digest IS NOT NULL OR set_aside > 0
       OR EXISTS (SELECT FROM acct.journal_run_total t WHERE t.run_id = run.run_id)
       OR EXISTS (SELECT FROM acct.run_log g WHERE g.run_id = run.run_id AND g.step IN ('expand', 'post')))
UNION ALL
SELECT format('run %s: %s claimed, %s taken, %s journals, %s exceptions (%s stored), %s ignored', run_id, claimed, transactions,
              journals, exceptions, set_aside, ignored) FROM run
 WHERE status IN ('expanded', 'posted', 'reversed') AND reprocess_of IS NULL AND coalesce(to_jsonb(run) ->> 'kind', 'transaction') = 'transaction'
   AND (coalesce(claimed, 0) <> transactions OR transactions <> journals + exceptions + ignored OR exceptions <> set_aside)
UNION ALL
SELECT format('run %s is %s and has %s staging tables', run_id, status, staging_tables) FROM run
 -- none: it shares tables with other small runs
 WHERE NOT staging_tables = ANY (CASE WHEN status = 'expanded' OR status IN ('posted', 'reversed')
       AND NOT EXISTS (SELECT FROM acct.run_log g WHERE g.run_id = run.run_id AND g.step = 'drop')
       THEN CASE WHEN je_range IS NULL THEN '{0,2}' ELSE '{2}' END ELSE '{0}' END::bigint[])
UNION ALL
SELECT format('table %s is left over', c.relname) FROM pg_class c
 WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind IN ('r', 'p')
   AND (c.relname ~ '^je_(header|line)_staging_\d' AND NOT EXISTS (SELECT FROM run WHERE run_id::text = substring(c.relname, '\d+$'))
        OR c.relname ~ '^(je|ledger|txn)_.*_\d+$' AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid))
UNION ALL
SELECT format('rows of run %s are left over in staging', x.run_id)
  FROM (SELECT run_id FROM acct.je_header_staging UNION SELECT run_id FROM acct.je_line_staging) AS x
 WHERE NOT EXISTS (SELECT FROM acct.journal_run r WHERE r.run_id = x.run_id AND r.status IN ('expanded', 'posted', 'reversed'))
UNION ALL
SELECT format('%s %s %s %s: debit %s, credit %s', entity_code, basis, fund, currency, sum(debit), sum(credit))
  FROM line GROUP BY entity_code, basis, fund, currency HAVING sum(debit) <> sum(credit)
UNION ALL
SELECT format('%s %s %s: numbers %s to %s, %s journals, %s different, counter %s', entity_code, basis, month, min(first_number),
              max(last_number), sum(journals), sum(numbers), max(n.last))
  FROM header NATURAL FULL JOIN
       (SELECT entity_code, basis, period_month AS month, last_number AS last FROM acct.journal_number) AS n
 GROUP BY entity_code, basis, month
HAVING (min(first_number), max(last_number), sum(journals), sum(numbers)) IS DISTINCT FROM (1::bigint, max(n.last), max(n.last)::numeric, max(n.last)::numeric)
UNION ALL
SELECT format('transaction %s of %s is journalled %s times for %s', txn_id, txn_month, count(*), basis)
  FROM (SELECT je_id, txn_id, txn_month, basis FROM acct.ledger_entry_header WHERE txn_id IS NOT NULL AND reversal_of IS NULL) AS o
 WHERE NOT EXISTS (SELECT FROM (SELECT reversal_of FROM acct.ledger_entry_header WHERE reversal_of IS NOT NULL) AS r WHERE r.reversal_of = o.je_id)
 GROUP BY txn_id, txn_month, basis HAVING count(*) > 1
UNION ALL
SELECT format('journal %s of run %s: header %s, lines %s', je_id, coalesce(h.run_id, l.run_id), (h.line_count, h.total_debit, h.total_credit), (l.lines, l.debit, l.credit))
  FROM (SELECT je_id, je_date, run_id, line_count, total_debit, total_credit FROM acct.ledger_entry_header WHERE OF_RUNS) AS h
  FULL JOIN (SELECT je_id, je_date, run_id, sum(lines) AS lines, sum(debit) AS debit, sum(credit) AS credit FROM journal GROUP BY 1, 2, 3) AS l USING (je_id, je_date)
 WHERE (h.run_id, h.line_count, h.total_debit, h.total_credit) IS DISTINCT FROM (l.run_id, l.lines, l.debit, l.credit)
UNION ALL
SELECT format('journal %s of run %s, %s: debit %s, credit %s', je_id, run_id, fund, debit, credit) FROM journal WHERE debit <> credit
UNION ALL
SELECT format('je_id %s is of %s journals', je_id, count(*)) FROM acct.ledger_entry_header GROUP BY je_id HAVING count(*) > 1
UNION ALL
SELECT format('batch %s is in %s runs for %s', batch_id, count(*), basis)
  FROM acct.journal_run_batch WHERE released_at IS NULL GROUP BY batch_id, txn_month, basis HAVING count(*) > 1
UNION ALL
SELECT format('batch %s of %s: %s rows, %s when it was taken', batch_id, txn_month, coalesce(s.rows, 0), b.source_rows)
  FROM (SELECT DISTINCT batch_id, txn_month, source_rows FROM acct.journal_run_batch WHERE released_at IS NULL) AS b
  LEFT JOIN (SELECT batch_id, txn_month, count(*) AS rows FROM acct.txn_source_parent GROUP BY 1, 2) AS s USING (batch_id, txn_month)
 WHERE b.source_rows IS DISTINCT FROM s.rows
   AND to_regclass('acct.txn_source_' || to_char(txn_month, 'YYYY_MM')) IS NOT NULL -- else it was archived
UNION ALL
SELECT format('staging of run %s, which is %s, has %s journals of %s and %s lines of %s', run_id, status, h.journals, run.journals, l.lines, run.lines)
  FROM run
  LEFT JOIN (SELECT run_id, count(*) AS journals FROM acct.je_header_staging GROUP BY 1) AS h USING (run_id)
  LEFT JOIN (SELECT run_id, count(*) AS lines FROM acct.je_line_staging GROUP BY 1) AS l USING (run_id)
 WHERE status NOT IN ('posted', 'reversed') -- which are read no more
   AND (h.journals, l.lines) IS DISTINCT FROM (NULL, NULL) -- a crash empties it
   AND (coalesce(h.journals, 0), coalesce(l.lines, 0)) IS DISTINCT FROM CASE status WHEN 'expanded' THEN (run.journals, run.lines) END
UNION ALL
SELECT format('%s is protected, but does not exist', p.relation::oid) FROM ledger_guard.protected p
 WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation)
UNION ALL
SELECT format('snapshot and lines differ: %s', (coalesce(s.account_code, l.account_code), s.period_debit, l.debit, s.period_credit, l.credit))
  FROM (SELECT entity_code, basis, month, fund, account_code, currency, sum(lines) AS lines, sum(debit) AS debit, sum(credit) AS credit
          FROM line GROUP BY 1, 2, 3, 4, 5, 6) AS l
  FULL JOIN acct.account_balance_snapshot s
    ON (s.entity_code, s.basis, s.snapshot_month, s.fund, s.account_code, s.currency)
     = (l.entity_code, l.basis, l.month, l.fund, l.account_code, l.currency)
 WHERE (coalesce(s.line_count, 0), coalesce(s.period_debit, 0), coalesce(s.period_credit, 0))
       IS DISTINCT FROM (coalesce(l.lines, 0), coalesce(l.debit, 0), coalesce(l.credit, 0))
UNION ALL} . $closing;

# The archived months of the ledger's two tables
my $archived_tables = q{SELECT oid::regclass::text FROM pg_class WHERE relnamespace = to_regnamespace('acct_archive') AND relkind IN ('r', 'p')
	AND relname ~ '^ledger_entry_(header|line)_\\d+_\\d\\d$' ORDER BY relname};

# A query of the ledger's two tables, with the archived months read too; those are found, where the caller does not name them.
sub with_archive
{
	my ($node, $db, $sql, $archived) = @_;
	my %columns = (
		header => 'je_id, je_number, je_date, run_id, txn_id, txn_month, entity_code, basis, template_code, template_version, currency, line_count, total_debit, total_credit, reversal_of',
		line => 'je_id, line_no, je_date, run_id, txn_id, entity_code, basis, account_code, fund, currency, product_code, channel, debit, credit');

	$archived //= [ split /\n/, $node->safe_psql($db, $archived_tables) ];
	for my $part (sort keys %columns)
	{
		my $rows = join ' UNION ALL ', map { "SELECT $columns{$part} FROM $_" } "acct.ledger_entry_$part", grep { /ledger_entry_${part}_/ } @$archived;
		$sql =~ s/FROM acct\.ledger_entry_$part\b/FROM ($rows) AS ledger_$part/g;
	}
	return $sql;
}

# What else must hold, each where there is what it is about: 0.1.0 has none of that.
my @more_invariants = (
	[ 'acct.health', q{SELECT detail FROM acct.health('{guard}') WHERE status <> 'ok'} ],
	# Each batch, in each month where it has rows, and for each basis, is taken or waits, and not both.
	[ 'acct.batch_waiting', q{SELECT format('batch %s of %s in basis %s is taken by %s runs and waits %s times', s.batch_id, s.txn_month, a.basis, c.runs, w.times)
		FROM (SELECT DISTINCT x.batch_id, x.txn_month FROM acct.txn_source_parent AS x JOIN acct.txn_batch AS b USING (batch_id)) AS s
		CROSS JOIN acct.accounting_basis AS a
		CROSS JOIN LATERAL (SELECT count(*) AS runs FROM acct.journal_run_batch AS c WHERE (c.batch_id, c.txn_month, c.basis) = (s.batch_id, s.txn_month, a.basis) AND c.released_at IS NULL) AS c
		CROSS JOIN LATERAL (SELECT count(*) AS times FROM acct.batch_waiting AS w WHERE (w.batch_id, w.txn_month) = (s.batch_id, s.txn_month) AND w.basis IN ('', a.basis)) AS w
		WHERE c.runs + least(w.times, 1) <> 1 AND (c.runs + w.times > 0 OR acct._is_source_known(s.txn_month))} ],
	# Nor reversals.
	[ 'acct.journal_reversal', q{
		WITH header AS MATERIALIZED (SELECT je_id, run_id, reversal_of FROM acct.ledger_entry_header)
		SELECT format('journal %s of run %s is reversed %s times', o.je_id, o.run_id, count(*))
		  FROM header AS o JOIN header AS h ON h.reversal_of = o.je_id
		  JOIN acct.journal_run AS r ON r.run_id = h.run_id AND r.kind = 'reversal' GROUP BY o.je_id, o.run_id HAVING count(*) > 1
		UNION ALL
		SELECT format('run %s is %s: %s of %s journals reversed, %s counted', r.run_id, r.status, x.reversed, r.journals, r.reversed_journals)
		  FROM acct.journal_run AS r CROSS JOIN LATERAL (SELECT coalesce(sum(v.journals), 0) AS reversed FROM acct.journal_reversal AS v
		    JOIN acct.journal_run AS n ON n.run_id = v.run_id WHERE v.origin_run = r.run_id AND v.released_at IS NULL AND n.status = 'posted') AS x
		 WHERE r.reversed_journals <> x.reversed OR (r.status = 'reversed') <> (x.reversed > 0 AND x.reversed = r.journals)
		UNION ALL
		SELECT format('run %s claims %s journals and has %s', r.run_id, x.claimed, r.journals)
		  FROM acct.journal_run AS r CROSS JOIN LATERAL (SELECT sum(v.journals) AS claimed FROM acct.journal_reversal AS v
		    WHERE v.run_id = r.run_id AND v.released_at IS NULL) AS x
		 WHERE r.kind = 'reversal' AND r.status IN ('expanded', 'posted') AND x.claimed IS DISTINCT FROM r.journals
		UNION ALL
		SELECT format('run %s is discarded and claims journals', r.run_id) FROM acct.journal_run AS r JOIN acct.journal_reversal AS v USING (run_id)
		 WHERE r.status = 'discarded' AND v.released_at IS NULL} ],
	# Manual journals are in the ledger as they were approved, and no others are.
	[ 'acct.manual_journal', q{
		WITH line AS MATERIALIZED (SELECT je_id, line_no, account_code, fund, debit, credit FROM acct.ledger_entry_line),
		header AS MATERIALIZED (SELECT je_id, run_id, je_date FROM acct.ledger_entry_header)
		SELECT format('manual journal %s is %s, and in the ledger it is %s', m.journal_id, m.status, coalesce(h.je_id::text, 'not'))
		  FROM acct.manual_journal AS m
		  FULL JOIN (SELECT x.* FROM header AS x WHERE x.run_id IN (SELECT r.run_id FROM acct.journal_run AS r WHERE r.kind IN ('manual', 'opening'))) AS h ON h.je_id = m.je_id
		 WHERE (m.status = 'approved') IS DISTINCT FROM (h.je_id IS NOT NULL) AND (h.je_id IS NOT NULL OR m.status = 'approved')
		    OR m.status = 'approved' AND ((h.run_id, h.je_date) IS DISTINCT FROM (m.run_id, m.je_date)
		       OR (m.reversal_run_id IS NOT NULL) <> (m.auto_reverse_on IS NOT NULL)
		       OR EXISTS (SELECT FROM (SELECT l.line_no, l.account_code, l.fund, l.debit, l.credit FROM acct.manual_journal_line AS l WHERE l.journal_id = m.journal_id) AS e
		                    FULL JOIN (SELECT l.line_no, l.account_code, l.fund, l.debit, l.credit FROM line AS l WHERE l.je_id = m.je_id) AS p USING (line_no, account_code, fund, debit, credit)
		                   WHERE e.line_no IS NULL OR p.line_no IS NULL))} ]);

# With a number, journals are held against their lines one by one in so many of the newest runs only.
sub broken_invariants
{
	my ($node, $db, $newest) = @_;
	my $runs = $newest ? "run_id IN (SELECT run_id FROM acct.journal_run WHERE status IN ('posted', 'reversed') ORDER BY posted_at DESC LIMIT $newest)" : 'true';
	my $objects = join ', ', map { "'$_->[0]'" } @more_invariants;
	my %there = map { $_ => 1 } split /\n/, $node->safe_psql(
		$db, "SELECT o FROM unnest(ARRAY[$objects]) AS o WHERE coalesce(to_regclass(o)::oid, to_regproc(o)::oid) IS NOT NULL
		UNION ALL SELECT t FROM ($archived_tables) AS x (t)");
	my @archived = sort grep { /^acct_archive\./ } keys %there;
	# Recomputing writes where it finds something wrong, so it comes last.
	my @queries = (
		$invariants =~ s/OF_RUNS/$runs/gr,
		q{SELECT format('run %s has another digest', run_id)
		FROM (SELECT run_id, digest FROM acct.journal_run WHERE status IN ('posted', 'reversed') ORDER BY posted_at DESC LIMIT 1) AS r
		WHERE acct.run_digest(run_id) IS DISTINCT FROM digest},
		(map { $_->[1] } grep { $there{ $_->[0] } } @more_invariants),
		q{SELECT format('%s rows of the snapshot were wrong', n) FROM acct.update_balance_snapshot() AS n WHERE n <> 0});

	# In one session: to begin one takes longer than most of them.
	return $node->safe_psql($db, join ";\n", q{SET work_mem = '64MB'}, map { with_archive($node, $db, $_, \@archived) } @queries);
}

# What a reader checks in one query, whatever is posted meanwhile: a line for each thing that does not agree.
my $reading = q{
WITH line AS MATERIALIZED (
	SELECT entity_code, basis, date_trunc('month', je_date)::date AS month, fund, account_code, currency, run_id,
	       count(*) AS lines, sum(debit) AS debit, sum(credit) AS credit
	  FROM acct.ledger_entry_line GROUP BY 1, 2, 3, 4, 5, 6, 7),
header AS MATERIALIZED (
	SELECT entity_code, basis, date_trunc('month', je_date)::date AS month, currency, run_id, count(*) AS journals,
	       sum(line_count) AS lines, sum(total_debit) AS debit, sum(total_credit) AS credit
	  FROM acct.ledger_entry_header GROUP BY 1, 2, 3, 4, 5)
SELECT format('%s %s %s %s: debit %s, credit %s', entity_code, basis, fund, currency, sum(debit), sum(credit))
  FROM line GROUP BY entity_code, basis, fund, currency HAVING sum(debit) <> sum(credit)
UNION ALL
SELECT format('headers and lines of run %s differ in %s %s %s %s', run_id, entity_code, basis, month, currency)
  FROM header
  FULL JOIN (SELECT entity_code, basis, month, currency, run_id, sum(lines) AS lines, sum(debit) AS debit, sum(credit) AS credit
               FROM line GROUP BY 1, 2, 3, 4, 5) AS l USING (entity_code, basis, month, currency, run_id)
 WHERE (header.lines, header.debit, header.credit) IS DISTINCT FROM (l.lines, l.debit, l.credit)
UNION ALL
SELECT format('run %s is %s with %s lines, the ledger has %s', r.run_id, r.status, r.lines, h.lines)
  FROM acct.journal_run AS r LEFT JOIN (SELECT run_id, sum(lines) AS lines FROM header GROUP BY run_id) AS h USING (run_id)
 WHERE coalesce(h.lines, 0) <> CASE WHEN r.status IN ('posted', 'reversed') THEN r.lines ELSE 0 END
UNION ALL
SELECT format('balance and lines of %s %s %s %s %s %s differ', entity_code, basis, month, fund, account_code, currency)
  FROM (SELECT entity_code, basis, month, fund, account_code, currency, sum(lines) AS lines, sum(debit) AS debit, sum(credit) AS credit
          FROM line GROUP BY 1, 2, 3, 4, 5, 6) AS l
  FULL JOIN (SELECT entity_code, basis, snapshot_month AS month, fund, account_code, currency, line_count AS lines,
                    period_debit AS debit, period_credit AS credit
               FROM acct.account_balance_snapshot) AS s USING (entity_code, basis, month, fund, account_code, currency)
 WHERE (coalesce(l.lines, 0), coalesce(l.debit, 0), coalesce(l.credit, 0))
       IS DISTINCT FROM (coalesce(s.lines, 0), coalesce(s.debit, 0), coalesce(s.credit, 0))
UNION ALL} . $closing;

sub reading_of_one_query { return $reading; }

# The same in several queries of one transaction with one snapshot; each takes more of it than the one before.
sub reading_of_several
{
	my $sums = q{SELECT '%s differ from the lines' WHERE current_setting('reading.lines') <>
		(SELECT concat_ws(' ', coalesce(sum(%s), 0), trim_scale(coalesce(sum(%s), 0)), trim_scale(coalesce(sum(%s), 0))) FROM acct.%s)};

	return join ";\n",
	  'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
	  q{SELECT 'no lines' WHERE set_config('reading.lines', (SELECT concat_ws(' ', count(*), trim_scale(coalesce(sum(debit), 0)),
		trim_scale(coalesce(sum(credit), 0))) FROM acct.ledger_entry_line), true) IS NULL},
	  sprintf($sums, 'headers', 'line_count', 'total_debit', 'total_credit', 'ledger_entry_header'),
	  sprintf($sums, 'balances', 'line_count', 'period_debit', 'period_credit', 'account_balance_snapshot'),
	  sprintf($sums, 'runs', 'lines', 'debit', 'credit', q{journal_run WHERE status IN ('posted', 'reversed')}),
	  $reading,
	  'COMMIT';
}

# The content of a ledger, without what depends on when and how often something was tried: je_id and times.
#
# A run whose staging was restored from a dump has the same numbers on other journals: the restore fills pages from the first to the
# last, so that an extent may hold journals of two books, and posting takes extents by the book of their first journal.
sub fingerprint
{
	my ($node, $db, $where, $restored_run) = @_;
	$where = defined $where ? "WHERE $where" : '';
	my $number = $restored_run ? ", CASE WHEN run_id <> $restored_run THEN je_number END" : ', je_number';

	return $node->safe_psql(
		$db, with_archive($node, $db, qq{
		SELECT 'lines', count(*), sum(debit), sum(credit),
		       sum(hashtextextended(concat_ws('|', txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency,
		                                      product_code, channel, trim_scale(debit), trim_scale(credit)), 0)::numeric)
		  FROM acct.ledger_entry_line $where
		UNION ALL
		SELECT 'headers', count(*), sum(total_debit), sum(total_credit),
		       sum(hashtextextended(concat_ws('|', txn_id, txn_month, je_date, entity_code, basis, template_code,
		                                      template_version, currency, line_count$number), 0)::numeric)
		  FROM acct.ledger_entry_header $where
		UNION ALL
		SELECT 'balances', count(*), sum(period_debit), sum(period_credit),
		       sum(hashtextextended(concat_ws('|', entity_code, basis, snapshot_month, fund, account_code, currency, line_count,
		                                      trim_scale(opening_balance), trim_scale(closing_balance)), 0)::numeric)
		  FROM acct.account_balance_snapshot
		UNION ALL
		SELECT 'exceptions', count(*), NULL, NULL,
		       sum(hashtextextended(concat_ws('|', txn_id, txn_month, basis, reason, template_code, template_version, line_no,
		                                      message), 0)::numeric)
		  FROM acct.je_exception $where
		 ORDER BY 1}));
}

sub exceptions_of
{
	my ($node, $db, $run) = @_;

	return $node->safe_psql(
		$db, qq{
		SELECT txn_id, txn_month, basis, reason, template_code, template_version, line_no, message
		  FROM acct.je_exception WHERE run_id = $run ORDER BY txn_id, txn_month, basis});
}

# Names of the checks of validate_run() that fail, and all of them.
sub failing_checks
{
	my ($node, $db, $run) = @_;

	return $node->safe_psql($db, "SELECT * FROM acct.validate_run($run) WHERE NOT passed");
}

sub all_checks
{
	my ($node, $db, $run) = @_;

	# The digests of headers and of added columns are of their identifiers, too, which are others when a run is expanded again.
	return $node->safe_psql($db, "SELECT check_name, passed, CASE WHEN check_name IN ('header_digest', 'line_columns') THEN (expected = actual)::text ELSE concat_ws('|', expected, actual) END"
		. " FROM acct.validate_run($run) ORDER BY check_name");
}

# What a dump, an update or an upgrade keeps, as the tables say it: text by what it is about. The columns that each version has;
# 'rows of tables' has all of them. An update registers entities and limits, which the audit trail shows.
my %data = (
	'runs' => q{SELECT to_jsonb(r) - '{source_digest, source_columns, source_types, header_digest, header_columns, header_types, added_digest, added_columns, added_types, totals_digest, awaits_cluster, policy_digest, policy_sums, minor_units, basis_policy, engine_version, ignored_of, repeated_transactions, post_ended_at, kind, origin_run, je_date, reason, reversed_journals, taken_transactions, evaluation_digest, created_by_role}'::text[]
		FROM acct.journal_run r ORDER BY run_id},
	'claims' => 'SELECT * FROM acct.journal_run_batch ORDER BY run_id, batch_id, basis',
	'totals' => 'SELECT * FROM acct.journal_run_total ORDER BY 1, 2, 3, 4, 5, 6, 7',
	'batches' => q{SELECT to_jsonb(b) - 'claimed_at' FROM acct.txn_batch b ORDER BY batch_id},
	'headers' => q{SELECT to_jsonb(h) - '{journal_type, original_date}'::text[] FROM acct.ledger_entry_header h ORDER BY je_id},
	'exceptions' => q{SELECT run_id, txn_id, txn_month, basis, reason, template_code, template_version, line_no, message, resolved_by_run, voided_at
		FROM acct.je_exception ORDER BY run_id, txn_id, basis},
	'templates' => q{SELECT t.template_code, t.version, t.description, t.template_type, t.basis, t.status, t.effective_from, t.effective_to,
		t.require_balanced, t.balance_by_fund, t.skip_zero_lines, t.negative_policy, t.maker, t.made_at, t.submitted_at, t.approver, t.approved_at,
		m.*, l.* FROM acct.journal_template t
		LEFT JOIN acct.journal_template_match m USING (template_code, version)
		LEFT JOIN acct.journal_template_line l USING (template_code, version) ORDER BY t.template_code, t.version, m.match_no, l.line_no},
	'accounts' => 'SELECT account_code, description, account_type, fund, parent_account_code, is_postable, effective_from, effective_to FROM acct.chart_of_accounts ORDER BY account_code, effective_from',
	'audit trail' => q{SELECT audit_id, at, changed_by, table_name, operation, row_key, old_row, new_row FROM acct.template_audit
		WHERE table_name NOT IN ('entity', 'posting_limit') ORDER BY audit_id},
	# Checks are logged, also those made here. The columns that each version has.
	'run log' => q{SELECT log_id, run_id, step, partition, rows, elapsed_ms, detail, at FROM acct.run_log WHERE step NOT IN ('validate', 'snapshot') ORDER BY log_id},
	# A run that is posted during a dump takes numbers of seals, which the dump has then.
	'sequences' => q{SELECT sequencename, data_type, start_value, increment_by, last_value FROM pg_sequences
		WHERE schemaname = 'acct' AND sequencename NOT IN ('run_log_log_id_seq', 'template_audit_audit_id_seq', 'policy_change_change_id_seq', 'ledger_seal_seal_id_seq') AND last_value IS NOT NULL ORDER BY sequencename COLLATE "C"},
	'digests of posted runs' => q{SELECT run_id, acct.run_digest(run_id) = digest FROM acct.journal_run WHERE status = 'posted' ORDER BY 1},
	'checks of posted runs' => q{SELECT r.run_id, v.* FROM acct.journal_run r, acct.validate_run(r.run_id) v
		WHERE r.status = 'posted' AND v.check_name NOT IN ('policy_in_force', 'source_digest', 'repeated_transactions') ORDER BY r.run_id, v.check_name},
	'archive' => 'SELECT * FROM acct.archived_partition ORDER BY archive_id',
	'policies' => 'SELECT * FROM acct.retention_policy ORDER BY table_name',
	'trial balances' => q{SELECT m, b.* FROM (SELECT DISTINCT snapshot_month FROM acct.account_balance_snapshot) AS s (m),
		acct.trial_balance(m) b ORDER BY m, entity_code, fund, account_code, currency});

# The same of the catalogs, without identifiers; roles have the same names.
my $ours = q{ANY (ARRAY(SELECT oid FROM pg_namespace WHERE nspname IN ('acct', 'acct_archive', 'acct_bi', 'ledger_guard')))};
my %catalog = (
	'tables' => qq{SELECT c.oid::regclass::text COLLATE "C", c.relkind, c.relpersistence, pg_get_userbyid(c.relowner),
		(SELECT i.inhparent::regclass FROM pg_inherits i WHERE i.inhrelid = c.oid), pg_get_expr(c.relpartbound, c.oid),
		pg_get_partkeydef(c.oid), c.reloptions
		FROM pg_class c WHERE c.relnamespace = $ours AND c.relkind IN ('r', 'p', 'v', 'S') ORDER BY 1},
	'columns' => qq{SELECT c.oid::regclass::text COLLATE "C", a.attname COLLATE "C", format_type(a.atttypid, a.atttypmod),
		a.attnotnull, a.attcollation, a.attidentity, pg_get_expr(d.adbin, d.adrelid)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.relnamespace = $ours AND c.relkind IN ('r', 'p', 'v') ORDER BY 1, 2},
	'constraints' => qq{SELECT conrelid::regclass::text COLLATE "C", conname COLLATE "C", contype, pg_get_constraintdef(oid)
		FROM pg_constraint WHERE connamespace = $ours AND contype <> 'n' ORDER BY 1, 2},
	'indexes' => qq{SELECT c.oid::regclass::text COLLATE "C", pg_get_indexdef(c.oid), i.indisprimary,
		(SELECT p.inhparent::regclass FROM pg_inherits p WHERE p.inhrelid = c.oid)
		FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relnamespace = $ours ORDER BY 1},
	'triggers' => qq{SELECT t.tgrelid::regclass::text COLLATE "C", t.tgname COLLATE "C", t.tgenabled, pg_get_triggerdef(t.oid)
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		WHERE c.relnamespace = $ours AND NOT t.tgisinternal ORDER BY 1, 2},
	'views' => qq{SELECT schemaname || '.' || viewname COLLATE "C", definition FROM pg_views WHERE schemaname::regnamespace = $ours ORDER BY 1},
	'event trigger' => q{SELECT evtname, evtevent, evtenabled, evtfoid::regprocedure, pg_get_userbyid(evtowner), evttags
		FROM pg_event_trigger ORDER BY evtname},
	'functions of the guard' => q{SELECT pg_get_functiondef(oid), obj_description(oid, 'pg_proc'), pg_get_userbyid(proowner)
		FROM pg_proc WHERE pronamespace = 'ledger_guard'::regnamespace ORDER BY proname COLLATE "C"},
	'protected tables' => 'SELECT relation::text COLLATE "C", has_posted FROM ledger_guard.protected ORDER BY 1',
	'comments' => qq{SELECT pg_describe_object(d.classoid, d.objoid, d.objsubid) COLLATE "C", d.description
		FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
		WHERE c.relnamespace = $ours ORDER BY 1},
	# MAINTAIN came with 17
	'privileges' => qq{SELECT pg_describe_object(o.class, o.id, 0) COLLATE "C", a.grantee::regrole::text COLLATE "C", a.privilege_type, a.is_grantable
		FROM (SELECT 'pg_class'::regclass AS class, oid AS id,
		             coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl
		        FROM pg_class WHERE relnamespace = $ours AND relkind IN ('r', 'p', 'v', 'S')
		      UNION ALL
		      SELECT 'pg_proc'::regclass, oid, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc WHERE pronamespace = $ours
		      UNION ALL
		      SELECT 'pg_namespace'::regclass, oid, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace WHERE oid = $ours) AS o,
		     aclexplode(o.acl) AS a WHERE a.privilege_type <> 'MAINTAIN' ORDER BY 1, 2, 3},
	'default privileges' => q{SELECT defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, defaclacl
		FROM pg_default_acl ORDER BY 1, 2, 3});

# A line for each table that is no partition, of the schemas that have data: its columns, rows, and a hash of all of them.  Left
# out is what install(), checks and crashes change: the layout's version, the log (above without its checks) and staging.
# Given the lines of before, these tables and columns are read again: an update may add to them.
sub tables_of
{
	my ($node, $db, $before) = @_;
	my @lines;

	$before //= $node->safe_psql(
		$db, q{SELECT c.oid::regclass, (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname COLLATE "C") FROM pg_attribute a
		                                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
		  FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('acct', 'acct_archive'))
		   AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname !~ '^je_(header|line)_staging_'
		   -- Restoring notes its own rows in source_check.
		   AND c.relname NOT IN ('engine_layout', 'run_log', 'je_header_staging', 'je_line_staging', 'source_check', 'source_month') ORDER BY c.oid::regclass::text COLLATE "C"});
	for (split /\n/, $before)
	{
		my ($table, $columns) = split /\|/;
		my (undef, $rows, $error) = $node->psql($db, "SET timezone = 'UTC'; SET search_path = pg_catalog;
			SELECT count(*), sum(hashtextextended(r::text, 0)::numeric) FROM (SELECT $columns FROM $table " . ($table eq 'acct.template_audit' ? "WHERE table_name NOT IN ('entity', 'posting_limit')" : '') . ") AS r");

		push @lines, join '|', $table, $columns, $error || $rows;
	}
	return join "\n", @lines;
}

# The third argument is what this returned before an update.
sub data_of
{
	my ($node, $db, $before) = @_;

	# 0.1.0 has no archive.
	my $archive = $node->safe_psql($db, q{SELECT to_regclass('acct.archived_partition') IS NOT NULL}) eq 't';

	return {
		'ledger' => fingerprint($node, $db),
		'rows of tables' => tables_of($node, $db, $before && $before->{'rows of tables'}),
		map { $_ => $node->safe_psql($db, $data{$_}) } grep { $archive || !/^(?:archive|policies)$/ } keys %data };
}

sub catalog_of
{
	my ($node, $db) = @_;

	return { map { $_ => $node->safe_psql($db, $catalog{$_}) } keys %catalog };
}

# Everything about the members of the extension: a line for each, and of the routines their text.
sub routines_of
{
	my ($node, $db) = @_;

	return {
		'members' => $node->safe_psql(
			$db, q{SELECT pg_describe_object(classid, objid, objsubid) COLLATE "C" FROM pg_depend
			WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
			  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ledger_engine') ORDER BY 1}),
		'texts of routines' => $node->safe_psql(
			$db, q{SELECT p.oid::regprocedure::text COLLATE "C", pg_get_functiondef(p.oid) FROM pg_proc p
			WHERE p.pronamespace = 'acct'::regnamespace ORDER BY 1}),
		'comments and rights of routines' => $node->safe_psql(
			$db, q{SELECT p.oid::regprocedure::text COLLATE "C", pg_get_userbyid(p.proowner), obj_description(p.oid, 'pg_proc'),
			       ARRAY(SELECT a::text FROM unnest(coalesce(p.proacl, acldefault('f', p.proowner))) AS a ORDER BY 1),
			       ARRAY(SELECT a::text FROM unnest(coalesce(i.initprivs, acldefault('f', p.proowner))) AS a ORDER BY 1)
			  FROM pg_proc p LEFT JOIN pg_init_privs i ON i.objoid = p.oid AND i.classoid = 'pg_proc'::regclass
			 WHERE p.pronamespace = 'acct'::regnamespace ORDER BY 1}) };
}

# Compares what one of the three functions above returned; says which lines differ.
sub is_same
{
	my ($got, $expected, $name) = @_;

	for my $what (sort keys %$expected)
	{
		my @got = split /\n/, $got->{$what};
		my @expected = split /\n/, $expected->{$what};
		my (%in_got, %in_expected);
		@in_got{@got} = ();
		@in_expected{@expected} = ();
		my @differences = ((map { "missing: $_" } grep { !exists $in_got{$_} } @expected),
			(map { "unexpected: $_" } grep { !exists $in_expected{$_} } @got));
		push @differences, 'other order or number' if !@differences && $got->{$what} ne $expected->{$what};
		is(join("\n", @differences), '', "$name: same $what");
	}
	return;
}

# Can tables and indexes be looked at by pg_amcheck?
sub has_amcheck
{
	my ($node) = @_;

	return -x $node->config_data('--bindir') . '/pg_amcheck'
	  && $node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'}) eq '1';
}

# The statement fails with an error that matches.
sub fails_with
{
	my ($node, $db, $sql, $pattern, $name) = @_;
	my ($rc, undef, $stderr) = $node->psql($db, $sql, extra_params => [ '-v', 'VERBOSITY=verbose' ]);

	isnt($rc, 0, "$name: refused");
	like($stderr, $pattern, $name);
	return;
}

# Calls the function until it returns true, which it returns; dies when that takes too long. Without an interval it asks less and less
# often, as most questions are a connection of their own.
sub wait_until
{
	my ($what, $condition, $microseconds) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	my $pause = $microseconds || 5_000;

	while (time < $end)
	{
		my $result = $condition->();
		return $result if $result;
		usleep($pause);
		$pause *= 1.3 if !$microseconds && $pause < 50_000;
	}
	die "timed out waiting for $what";
}

# Waits until a server that comes back after a crash answers. A psql that is refused may not read its query any more, which
# ends a test that does not expect it.
sub await_recovery
{
	my ($node) = @_;
	return wait_until('recovery', sub { (eval { $node->psql('postgres', 'SELECT true') } // 2) == 0 });
}

# Bytes of a database's files, committed or not.
sub database_bytes
{
	my ($node, $db) = @_;
	my $oid = $node->{ledger_oid}{$db} //=
	  $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = '$db'");
	my $dir = $node->data_dir . "/base/$oid";
	my $bytes = 0;

	opendir(my $handle, $dir) or die "$dir: $!";
	while (my $file = readdir $handle)
	{
		$bytes += -s "$dir/$file" || 0 if $file =~ /^\d/;
	}
	closedir $handle;
	return $bytes;
}

# A psql whose statements are sent without waiting for them: submit, then done, or finish.
sub start_session
{
	my ($node, $db) = @_;
	my $self = bless { in => '', out => '', err => '', sent => 0 }, 'LedgerTest::Session';

	$self->{psql} = IPC::Run::start(
		[ 'psql', '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($db), '-f', '-' ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err});
	$self->submit('SET client_min_messages = warning; SELECT pg_backend_pid()');
	wait_until('a session', sub { $self->done }, 1000);
	($self->{pid}) = $self->{out} =~ /^(\d+)/ or die "no session: $self->{err}";
	return $self;
}

# A session that holds a lock, or whatever else its statement takes, to the end of its transaction.
sub hold_lock
{
	my ($node, $db, $sql) = @_;
	my $session = start_session($node, $db);

	$session->submit("BEGIN; $sql");
	wait_until('a lock', sub { $session->done });
	die "no lock: $session->{err}" if $session->{err};
	return $session;
}

package LedgerTest::Session;

sub pid { return $_[0]{pid}; }

# What the last statements returned, and the errors of all.
sub output { return $_[0]{out}; }
sub error { return $_[0]{err}; }

sub submit
{
	my ($self, $sql) = @_;

	$self->{sent}++;
	$self->{idle} = 0;
	$self->{out} = '';
	$self->{in} .= "$sql;\n\\echo done-$self->{sent}\n";
	eval { $self->{psql}->pump_nb };
	return;
}

# Are the statements that were sent at an end, by success, error or loss of the connection?
sub done
{
	my ($self) = @_;

	return 1 if $self->{idle} || !$self->{psql}->pumpable;
	eval { $self->{psql}->pump_nb };
	return $self->{idle} = $self->{out} =~ s/^done-$self->{sent}\n\z//m;
}

# Is the backend waiting for a lock of another one?
sub waits_for
{
	my ($self, $node, $holder) = @_;

	return $node->safe_psql('postgres', "SELECT $holder->{pid} = ANY (pg_blocking_pids($self->{pid}))") eq 't';
}

# Waits for the end of what was submitted, and of psql.  An open transaction is rolled back.  psql is told to quit, as a
# server that was started meanwhile may hold its input open; after an error it quits by itself.
sub finish
{
	my ($self) = @_;

	LedgerTest::wait_until('the end of a session', sub { $self->done });
	$self->{in} .= "\\q\n" if $self->{psql}->pumpable;
	eval { $self->{psql}->finish };
	return;
}

1;
