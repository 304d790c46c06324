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
  new_node make_database load_batch load_quietly
  broken_invariants fingerprint exceptions_of failing_checks all_checks
  fails_with start_session hold_lock wait_until database_bytes
  reading_of_one_query reading_of_several
);

# A started node; the arguments after its name are lines for its configuration and, as the first one, a hash for init().
sub new_node
{
	my ($name, @settings) = @_;
	my $init = ref $settings[0] ? shift @settings : {};
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%$init);
	$node->append_conf(
		'postgresql.conf', join "\n",
		'restart_after_crash = on',
		'autovacuum = off',
		'jit = off',
		@settings, '');
	$node->start;
	return $node;
}

sub make_database
{
	my ($node, $db) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $db") if $db ne 'postgres';
	$node->safe_psql(
		$db, q{
		CREATE EXTENSION ledger_engine;
		SELECT acct.install();
		SELECT acct.install_takaful_sample();});
	return;
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

# What must hold at any time between two transactions, whatever happened before: a line for each violation.
my $invariants = q{
WITH header AS MATERIALIZED (
	SELECT run_id, entity_code, basis, date_trunc('month', je_date)::date AS month, count(*) AS journals,
	       sum(line_count) AS lines, sum(total_debit) AS debit, sum(total_credit) AS credit,
	       min(right(je_number, 9)::bigint) AS first_number, max(right(je_number, 9)::bigint) AS last_number,
	       count(DISTINCT je_number) AS numbers, count(DISTINCT (txn_id, txn_month)) AS sources
	  FROM acct.ledger_entry_header GROUP BY 1, 2, 3, 4),
line AS MATERIALIZED (
	SELECT run_id, entity_code, basis, date_trunc('month', je_date)::date AS month, fund, account_code, currency,
	       count(*) AS lines, sum(debit) AS debit, sum(credit) AS credit
	  FROM acct.ledger_entry_line GROUP BY 1, 2, 3, 4, 5, 6, 7),
run AS MATERIALIZED (
	SELECT r.*, (SELECT coalesce(sum(h.journals), 0)::bigint FROM header h WHERE h.run_id = r.run_id) AS posted_journals,
	       (SELECT coalesce(sum(h.lines), 0)::bigint FROM header h WHERE h.run_id = r.run_id) AS header_lines,
	       (SELECT coalesce(sum(l.lines), 0)::bigint FROM line l WHERE l.run_id = r.run_id) AS posted_lines,
	       (SELECT coalesce(sum(l.debit), 0) FROM line l WHERE l.run_id = r.run_id) AS posted_debit,
	       (SELECT count(*) FROM acct.je_exception e WHERE e.run_id = r.run_id AND e.voided_at IS NULL) AS set_aside,
	       (SELECT sum(b.source_rows) FROM acct.journal_run_batch b
	         WHERE b.run_id = r.run_id AND b.released_at IS NULL) AS claimed,
	       (SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'acct'::regnamespace AND c.relispartition
	           AND c.relname IN ('je_header_staging_' || r.run_id, 'je_line_staging_' || r.run_id)) AS staging_tables
	  FROM acct.journal_run r)
SELECT format('run %s is %s: %s journals, %s lines in the ledger', run_id, status, posted_journals, posted_lines)
  FROM run WHERE (posted_journals, posted_lines, header_lines, posted_debit) IS DISTINCT FROM
       CASE WHEN status = 'posted' THEN (journals, lines, lines, debit) ELSE (0::bigint, 0::bigint, 0::bigint, 0::numeric) END
UNION ALL
SELECT format('run %s is created, but something is recorded of it', run_id) FROM run
 WHERE status = 'created' AND (coalesce(journals, lines, exceptions, ignored) IS NOT NULL OR digest IS NOT NULL OR set_aside > 0
       OR EXISTS (SELECT FROM acct.journal_run_total t WHERE t.run_id = run.run_id)
       OR EXISTS (SELECT FROM acct.run_log g WHERE g.run_id = run.run_id AND g.step IN ('expand', 'post')))
UNION ALL
SELECT format('run %s: %s claimed, %s taken, %s journals, %s exceptions (%s stored), %s ignored', run_id, claimed, transactions,
              journals, exceptions, set_aside, ignored) FROM run
 WHERE status IN ('expanded', 'posted') AND reprocess_of IS NULL
   AND (coalesce(claimed, 0) <> transactions OR transactions <> journals + exceptions + ignored OR exceptions <> set_aside)
UNION ALL
SELECT format('run %s is %s and has %s staging tables', run_id, status, staging_tables) FROM run
 WHERE staging_tables <> CASE WHEN status IN ('expanded', 'posted') THEN 2 ELSE 0 END
UNION ALL
SELECT format('table %s is left over', c.relname) FROM pg_class c
 WHERE c.relnamespace = 'acct'::regnamespace AND c.relkind IN ('r', 'p')
   AND (c.relname ~ '^je_(header|line)_staging_' AND NOT EXISTS (SELECT FROM run WHERE run_id::text = substring(c.relname, '\d+$'))
        OR c.relname ~ '^(je|ledger|txn)_.*_\d+$' AND NOT c.relispartition)
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
SELECT format('run %s: %s journals of %s transactions', run_id, sum(journals), sum(sources))
  FROM header GROUP BY run_id HAVING sum(journals) <> sum(sources)
UNION ALL
SELECT format('je_id %s is of %s journals', je_id, count(*)) FROM acct.ledger_entry_header GROUP BY je_id HAVING count(*) > 1
UNION ALL
SELECT format('batch %s is in %s runs for %s', batch_id, count(*), basis)
  FROM acct.journal_run_batch WHERE released_at IS NULL GROUP BY batch_id, txn_month, basis HAVING count(*) > 1
UNION ALL
SELECT format('%s is not protected', i.inhrelid::regclass) FROM pg_inherits i
 WHERE i.inhparent IN ('acct.ledger_entry_header'::regclass, 'acct.ledger_entry_line'::regclass)
   AND NOT EXISTS (SELECT FROM ledger_guard.protected p WHERE p.relation = i.inhrelid)
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
       IS DISTINCT FROM (coalesce(l.lines, 0), coalesce(l.debit, 0), coalesce(l.credit, 0));
};

sub broken_invariants
{
	my ($node, $db) = @_;
	my $broken = $node->safe_psql($db, $invariants);

	# Recomputing writes where it finds something wrong, so it comes last.
	my $wrong = $node->safe_psql($db, 'SELECT acct.update_balance_snapshot()');
	return $wrong eq '0' ? $broken : "$broken\n$wrong rows of the snapshot were wrong";
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
 WHERE coalesce(h.lines, 0) <> CASE r.status WHEN 'posted' THEN r.lines ELSE 0 END
UNION ALL
SELECT format('balance and lines of %s %s %s %s %s %s differ', entity_code, basis, month, fund, account_code, currency)
  FROM (SELECT entity_code, basis, month, fund, account_code, currency, sum(lines) AS lines, sum(debit) AS debit, sum(credit) AS credit
          FROM line GROUP BY 1, 2, 3, 4, 5, 6) AS l
  FULL JOIN (SELECT entity_code, basis, snapshot_month AS month, fund, account_code, currency, line_count AS lines,
                    period_debit AS debit, period_credit AS credit
               FROM acct.account_balance_snapshot) AS s USING (entity_code, basis, month, fund, account_code, currency)
 WHERE (coalesce(l.lines, 0), coalesce(l.debit, 0), coalesce(l.credit, 0))
       IS DISTINCT FROM (coalesce(s.lines, 0), coalesce(s.debit, 0), coalesce(s.credit, 0))};

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
	  sprintf($sums, 'runs', 'lines', 'debit', 'credit', q{journal_run WHERE status = 'posted'}),
	  $reading,
	  'COMMIT';
}

# What a ledger says, without what depends on when and how often something was tried: je_id and times.
sub fingerprint
{
	my ($node, $db, $where) = @_;
	$where = defined $where ? "WHERE $where" : '';

	return $node->safe_psql(
		$db, qq{
		SELECT 'lines', count(*), sum(debit), sum(credit),
		       sum(hashtextextended(concat_ws('|', txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency,
		                                      product_code, channel, trim_scale(debit), trim_scale(credit)), 0)::numeric)
		  FROM acct.ledger_entry_line $where
		UNION ALL
		SELECT 'headers', count(*), sum(total_debit), sum(total_credit),
		       sum(hashtextextended(concat_ws('|', txn_id, txn_month, je_date, entity_code, basis, template_code,
		                                      template_version, currency, line_count, je_number), 0)::numeric)
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
		 ORDER BY 1});
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

	return $node->safe_psql($db, "SELECT * FROM acct.validate_run($run) ORDER BY check_name");
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

# Calls the function until it returns true, which it returns; dies when that takes too long.
sub wait_until
{
	my ($what, $condition, $microseconds) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;

	while (time < $end)
	{
		my $result = $condition->();
		return $result if $result;
		usleep($microseconds || 10_000);
	}
	die "timed out waiting for $what";
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
	$self->submit('SELECT pg_backend_pid()');
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
