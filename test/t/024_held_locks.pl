# A session that stays in its transaction, and a prepared transaction, hold what a run needs: each step gives up in time and
# names the holder, and health() and the views never wait for it.  A step waits on while the holder is active.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = 'held';
my $node = new_node('main', 'max_prepared_transactions = 5');

sub sql { return $node->safe_psql($db, $_[0]); }

# health() as of a monitor, which waits for at most five seconds in all.
sub health { return sql("SET statement_timeout = '5s'; SELECT check_name, status, detail FROM acct.health($_[0])"); }

# The step gives up before the caller's statement_timeout and names the holder.
sub refused
{
	my ($step, $holder, $name) = @_;

	fails_with($node, $db, "SET statement_timeout = '5s'; $step", qr/ERROR:  55P03: .* is locked\nDETAIL:  Locked: [^\n]*$holder/, $name);
	return;
}

# A holder: what it does, the step that needs it, and the table that health() names.
sub held
{
	my ($does, $step, $table, $name) = @_;
	my $session = hold_lock($node, $db, $does);
	my $pid = $session->pid;

	refused($step, qr/process $pid \(\S+, idle in transaction since 2/, $name);
	like(health('NULL, \'{"locks": 0}\''), qr/^locks\|critical\|[^\n]*\b$table\b[^\n]* by process $pid \(/m, "$name: health() names the holder");
	like(sql("SET statement_timeout = '5s'; SELECT (SELECT count(*) FROM acct.run_summary) + (SELECT count(*) FROM acct.run_progress) + (SELECT count(*) FROM acct.run_history)"),
		qr/^\d+$/, "$name: views do not wait");
	$session->submit('ROLLBACK');
	$session->finish;
	is(health("'{locks}'"), 'locks|ok|', "$name: nothing held any more");
	return;
}

make_database($node, $db);
load_batch($node, $db, 1000, 1);
my $create = q{SELECT acct.create_run('2025-01-01', 'key')};
my $run = sql($create);
my $expand = "SELECT count(*) FROM acct.expand_journals($run)";
my $post = "SELECT count(*) FROM acct.post_journals($run)";
my $validate = "SELECT count(*) FROM acct.validate_run($run)";

# Policy
my $template = 'LOCK TABLE acct.journal_template IN ACCESS EXCLUSIVE MODE';
held($template, $expand, 'journal_template', 'templates, expanding');
sql($expand);
held($template, $validate, 'journal_template', 'templates, validating');
held($template, $post, 'journal_template', 'templates, posting');
sql(q{INSERT INTO acct.chart_of_accounts (account_code, description, account_type) VALUES ('9999', 'Unused', 'ASSET')});
my $renamed = q{UPDATE acct.chart_of_accounts SET account_type = 'LIABILITY' WHERE account_code = '9999'; SET CONSTRAINTS ALL IMMEDIATE};
sql("SELECT acct.discard_run($run)");
$run = sql($create);
held($renamed, "SELECT acct.expand_journals($run)", 'chart_of_accounts', 'constraints of accounts');
sql("SELECT count(*) FROM acct.expand_journals($run)");
$post = "SELECT count(*) FROM acct.post_journals($run)";

# A book, whose period an approver reopens
sql(q{SELECT acct.close_period('2023-06-01', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')});
my $reopen = q{SELECT acct.reopen_period('2023-06-01', 'MAIN', 'PRIMARY')};
held($reopen, $post, 'ledger_book', 'a book, posting');
held($reopen, q{SELECT acct.close_period('2023-05-01', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')}, 'ledger_book', 'a book, closing');
held($reopen, 'SELECT acct.update_balance_snapshot()', 'ledger_book', 'a book, recomputing');
held('LOCK TABLE acct.ledger_book IN ACCESS EXCLUSIVE MODE', $post, 'ledger_book', 'all books, posting');

# Manual journals, which finance can lock: nobody who closes a month holds its book meanwhile
sql(q{INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('MAIN', '2023-06-30', 'IDR', 'Held');
	INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, credit) SELECT 1, '9999', f.fund, d.debit, 5 - d.debit
	  FROM (SELECT min(fund) AS fund FROM acct.fund) AS f, (VALUES (5), (0)) AS d (debit)});
my $submit = 'SELECT acct.submit_manual_journal(1)';
my $editor = hold_lock($node, $db, 'SELECT journal_id FROM acct.manual_journal FOR UPDATE');
refused($submit, 'process ' . $editor->pid, 'a manual journal, submitting');
$editor->submit('ROLLBACK');
$editor->finish;
my $lines = 'LOCK TABLE acct.manual_journal_line IN ACCESS EXCLUSIVE MODE';
held($lines, $submit, 'manual_journal_line', 'lines of manual journals, submitting');
held($lines, q{SELECT acct.close_period('2023-05-01', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')}, 'manual_journal_line',
	'lines of manual journals, closing');
held('LOCK TABLE acct.manual_journal IN ACCESS EXCLUSIVE MODE', q{SELECT acct.rehearse_close('2023-06-01', 'MAIN', 'PRIMARY')}, 'manual_journal', 'manual journals, rehearsing');
sql('DELETE FROM acct.manual_journal');

# The source: an uncommitted TRUNCATE, and a lock
sql(q{SELECT count(*) FROM acct.rotate_txn_source_partitions(0, '2025-02-01')});
for my $does ('TRUNCATE acct.txn_source_2025_02', 'LOCK TABLE acct.txn_source_2025_02 IN ACCESS EXCLUSIVE MODE')
{
	held($does, q{SELECT acct.create_run('2025-02-01', 'february')}, 'txn_source_2025_02', "$does, creating");
}
held('LOCK TABLE acct.txn_source_2025_01 IN ACCESS EXCLUSIVE MODE', $post, 'txn_source_2025_01', 'source, posting');
held('LOCK TABLE acct.txn_source_2025_01 IN ACCESS EXCLUSIVE MODE', 'SELECT count(*) FROM acct.batches_waiting()', 'txn_source_2025_01', 'source, batches_waiting');

# What the engine's own functions hold in an open transaction: a run, its key, the bases that it knows, the making of months
load_quietly($node, $db, '2025-02-01', 10, 2);
held(q{SELECT acct.create_run('2025-02-01', 'february')}, q{INSERT INTO acct.accounting_basis (basis, description) VALUES ('OTHER', 'Other')}, 'batch_waiting', 'a new basis');
held(q{SELECT acct.create_run('2025-02-01', 'february')}, q{SELECT acct.create_run('2025-02-01', 'february')}, 'batch_waiting', 'a key');
my $session = hold_lock($node, $db, "SELECT count(*) FROM acct.post_journals($run)");
my $pid = $session->pid;
refused($post, qr/process $pid \(/, 'a run');
$session->submit('ROLLBACK');
$session->finish;

# A prepared transaction
sql("BEGIN; $reopen; PREPARE TRANSACTION 'approver''s'");
refused($post, qr/prepared transaction 'approver''s' \(\S+, since 2/, 'prepared');
like(health('NULL, \'{"locks": 0}\''), qr/^locks\|critical\|[^\n]*ledger_book[^\n]* by prepared transaction 'approver''s' \(/m, 'prepared: health() names the holder');
sql("ROLLBACK PREPARED 'approver''s'");
sql("BEGIN; LOCK TABLE acct.txn_source_parent IN SHARE MODE; PREPARE TRANSACTION 'share'");
fails_with($node, $db, q{SELECT count(*) FROM acct.rotate_txn_source_partitions(0, '2025-09-01')},
	qr/ERROR:  55P03: txn_source_parent is in use\nDETAIL:  Other sessions with locks on its tables: prepared transaction 'share'/, 'prepared, rotating');
sql(q{ROLLBACK PREPARED 'share'});

# A session that posts keeps others waiting for longer than an idle one may: it waits itself, and is at work.  An idle session
# with another book of the entity is no reason to give up.
my $other = sql(q{SELECT acct.create_run('2025-02-01', 'february')});
sql("SELECT count(*) FROM acct.expand_journals($other)");
sql(q{INSERT INTO acct.accounting_basis (basis, description) VALUES ('TAX', 'Tax')});
my $idle = hold_lock($node, $db, q{SELECT acct.close_period('2023-06-01', 'MAIN', 'TAX', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')});
my $reader = hold_lock($node, $db, q{LOCK TABLE acct.journal_number IN ACCESS EXCLUSIVE MODE});
my $first = start_session($node, $db);
$first->submit($post);
wait_until('a posting to wait', sub { $first->waits_for($node, $reader) });
my $second = start_session($node, $db);
$second->submit("SET statement_timeout = '8s'; SELECT count(*) FROM acct.post_journals($other)");
wait_until('the other posting to wait', sub { $second->waits_for($node, $first) });
sleep(6);
$reader->submit('ROLLBACK');
$reader->finish;
wait_until('the postings', sub { $first->done && $second->done });
is($first->error . $second->error, '', 'a posting waits for one that is at work');
$first->finish;
$second->finish;
is(sql("SELECT string_agg(status, ',') FROM acct.journal_run WHERE run_id IN ($run, $other)"), 'posted,posted', 'both are posted');
$idle->submit('ROLLBACK');
$idle->finish;
sql(q{DELETE FROM acct.accounting_basis WHERE basis = 'TAX'});

# An active session with the lock of ANALYZE or CREATE INDEX does not make a large run fail, unless it waits for an idle one.
load_quietly($node, $db, '2025-01-01', 10, 5);
my $large = sql(qq{SET ledger_engine.run_partition_min_transactions = 0; SELECT acct.create_run('2025-01-01', 'large')});
sql("SET ledger_engine.run_partition_min_transactions = 0; SELECT count(*) FROM acct.expand_journals($large)");
my $post_large = "SELECT count(*) FROM acct.post_journals($large)";
my $table = sql(q{SELECT acct._partition_of('acct.ledger_entry_line', '2025-01-01')});
held("LOCK TABLE ONLY $table IN SHARE MODE", $post_large, 'ledger_entry_line_2025_01', 'lines, posting a large run');
$idle = hold_lock($node, $db, "LOCK TABLE ONLY $table IN ROW EXCLUSIVE MODE");
my $active = start_session($node, $db);
$active->submit("BEGIN; LOCK TABLE ONLY $table IN SHARE MODE; SELECT pg_sleep(6); ROLLBACK");
wait_until('a lock to wait', sub { $active->waits_for($node, $idle) });
refused($post_large, sprintf('process %s \([^\n]*, which waits for process %s \(\S+ idle in transaction since 2', $active->pid, $idle->pid),
	'an active session behind an idle one');
$idle->submit('ROLLBACK');
$idle->finish;
wait_until('the lock', sub { sql('SELECT count(*) FROM pg_locks WHERE granted AND mode = \'ShareLock\' AND pid = ' . $active->pid) });
my (undef, $posted, $error) = $node->psql($db, "SET statement_timeout = '8s'; $post_large");
is("$posted$error", '1', 'an active session is waited for');
$active->finish;

# One that keeps policy from everybody is not waited for as long as it likes.
$active = start_session($node, $db);
$active->submit("BEGIN; $template; SELECT pg_sleep(6); ROLLBACK");
wait_until('a lock', sub { sql('SELECT count(*) FROM pg_locks WHERE granted AND mode = \'AccessExclusiveLock\' AND pid = ' . $active->pid) });
refused("SELECT count(*) FROM acct.validate_run($large)", sprintf('process %s \(\S+ active since 2', $active->pid), 'an active session with a table of policy');
$active->finish;

# Recomputing waits for all books.  Sessions that lock one each, one before the other ends, do not overtake it again and again.
my @books = map { start_session($node, $db) } 1 .. 4;
my $snapshot = start_session($node, $db);
my $lock_book = sub {
	my ($n) = @_;
	$books[$n]->submit("BEGIN; SELECT acct._announce_work(); SELECT acct._lock_books(ARRAY['BOOK $n'], ARRAY['PRIMARY']);
		SELECT extract(epoch FROM clock_timestamp()); SELECT pg_sleep(5); ROLLBACK");
};
$lock_book->(0);
wait_until('a book', sub { sql(q{SELECT count(*) FROM pg_locks WHERE relation = 'acct.ledger_book'::regclass}) });
$snapshot->submit("SET deadlock_timeout = '10ms'; BEGIN; SELECT acct.update_balance_snapshot(); SELECT extract(epoch FROM clock_timestamp()); COMMIT");
for my $n (1 .. 3)
{
	sleep($n == 1 ? 2 : 4);
	$lock_book->($n);
}
wait_until('recomputing', sub { $snapshot->done && $books[3]->done });
is($snapshot->error, '', 'recomputing beside overlapping locks of books');
my ($computed) = $snapshot->output =~ /^(\d+\.\d+)$/m;
my ($overtaken) = $books[3]->output =~ /^(\d+\.\d+)$/m;
cmp_ok($computed, '<', $overtaken, 'recomputing is served before those that came later');
$_->finish for $snapshot, @books;

# The other months that a check reads
held('LOCK TABLE acct.txn_source_2025_02 IN ACCESS EXCLUSIVE MODE', $validate =~ s/\d+\)$/$run)/r, 'txn_source_2025_02', 'source of another month, validating');

# A month that is locked does not keep job run from the others.
load_quietly($node, $db, '2025-01-01', 10, 3);
load_quietly($node, $db, '2025-02-01', 10, 4);
my $locked = hold_lock($node, $db, 'LOCK TABLE acct.txn_source_2025_01 IN ACCESS EXCLUSIVE MODE');
fails_with($node, $db, q{CALL acct.run_job('run', '{"repeated_transactions": "ignore"}')}, qr/ERROR:  55P03: job "run" failed for 2025-01\b/, 'job run');
$locked->submit('ROLLBACK');
$locked->finish;
is(sql(q{SELECT string_agg(to_char(txn_month, 'YYYY-MM'), ',') FROM acct.journal_run WHERE run_key ~ '^ledger_engine:' AND status = 'posted'}), '2025-02', 'job run: the other month is posted');
is(broken_invariants($node, $db), '', 'all invariants hold');
$node->stop;
done_testing();
