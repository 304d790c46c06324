# Months and years are closed, reopened and rehearsed while others post, reverse and enter journals, five sessions at once, in any order.
# Each step is done, or refused by the state of the books: none deadlocks or waits for ever. At the end all that is promised of the books
# holds (test/reference/year.sql), and each month reconciles.
#
# LEDGER_CLOSE_SECONDS   how long it goes on, 8 by default
# LEDGER_SEED            of the random numbers, 1 by default
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{LEDGER_CLOSE_SECONDS} || 8;
my $seed = random_seed();
my $node = new_node('main', 'log_lock_waits = on');

sub sql { return $node->safe_psql('close', $_[0]); }

$node->safe_psql('postgres', 'CREATE DATABASE close');
$node->safe_psql('postgres', 'CREATE ROLE ref_approver SUPERUSER');
sql('CREATE EXTENSION ledger_engine');
sql('SELECT acct.install()');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('close'), map { ('-f', "$FindBin::RealBin/../reference/$_.sql") } qw(reference figures random_case later year) ],
	'the reference is there');
sql('SELECT ref.year_policy()');
sql(q{CREATE TABLE public.outcome (step text NOT NULL, state text NOT NULL, message text);
CREATE PROCEDURE public.step(step text, statement text) LANGUAGE plpgsql AS $$
DECLARE
	state text := 'done';
	message text;
BEGIN
	BEGIN
		EXECUTE statement;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	END;
	INSERT INTO public.outcome VALUES (step, state, message);
	COMMIT;
END
$$;
CREATE PROCEDURE public.reverse() LANGUAGE plpgsql AS $$
DECLARE
	chosen bigint[];
	day date;
	run bigint;
BEGIN
	SELECT array_agg(x.je_id), max(x.je_date) + ref.dice(100) - 1 INTO chosen, day
	  FROM (SELECT h.je_id, h.je_date FROM acct.ledger_entry_header AS h WHERE h.journal_type <> 'reversal' ORDER BY hashint8extended(h.je_id, (SELECT ref.dice(1000000))) LIMIT ref.dice(3)) AS x;
	COMMIT;
	-- Nothing is posted yet.
	IF chosen IS NULL THEN
		RETURN;
	END IF;
	CALL public.step('reverse', format('SELECT acct.reverse_journals(%L, %L, %L)', chosen, day, 'random'));
	SELECT max(r.run_id) INTO run FROM acct.journal_run AS r WHERE r.kind = 'reversal' AND r.status = 'created';
	IF run IS NOT NULL THEN
		CALL public.step('expand', format('SELECT FROM acct.expand_journals(%s)', run));
		CALL public.step('post', format('SELECT ref.by_approver(%L)', format('SELECT FROM acct.post_journals(%s)', run)));
	END IF;
END
$$;
CREATE PROCEDURE public.work(id integer, seconds integer) LANGUAGE plpgsql AS $$
DECLARE
	stop CONSTANT timestamptz := clock_timestamp() + make_interval(secs => seconds);
	step text;
BEGIN
	PERFORM ref.seed(id, 'close beside');
	WHILE clock_timestamp() < stop LOOP
		step := ref.choice('run', 'run', 'waive', 'manual', 'manual', 'reverse', 'close', 'close', 'reopen', 'close year', 'close year', 'reopen year', 'rehearse');
		CASE step
			WHEN 'reverse' THEN CALL public.reverse();
			WHEN 'rehearse' THEN CALL public.step(step, format('SELECT FROM acct.rehearse_close(%L, %L, %L)', ref.choice('2024-12-01', '2025-12-01', '2026-02-01'), ref.choice('MAIN', 'E2'), ref.choice('PRIMARY', 'TAX')));
			ELSE CALL public.step(step, format('SELECT FROM ref.year_step(%L)', step));
		END CASE;
	END LOOP;
END
$$});

my @sessions = map { start_session($node, 'close') } 1 .. 5;
$sessions[$_]->submit(sprintf 'SET client_min_messages = error; CALL public.work(%d, %d)', 10 * $seed + $_, $seconds) for 0 .. 4;
for my $session (@sessions)
{
	wait_until('the sessions end', sub { $session->done });
	is($session->error, '', 'a session went on to the end');
	$session->finish;
}
note sql(q{SELECT string_agg(format('%s %s %s', step, state, n), ', ' ORDER BY step, state) FROM (SELECT step, state, count(*) AS n FROM public.outcome GROUP BY 1, 2) AS x});

# Closed, open work, out of order, reversed already, not valid; two that load the same number; a reversal that another session goes on with.
# Who waives gives up rather than to be in a deadlock.
is(sql(q{SELECT step, state, min(message) FROM public.outcome
	WHERE state NOT IN ('done', 'LE002', 'LE004', 'LE005', 'LE006', 'LE008', 'LE013', 'LE014', '22023', '23505') AND (step, state) <> ('waive', '55P03') GROUP BY 1, 2}), '', 'nothing failed that should not');
is(sql(q{SELECT count(DISTINCT step) FROM public.outcome WHERE state = 'done' AND step IN ('run', 'manual', 'close', 'reopen', 'close year', 'reopen year', 'rehearse')}), '7', 'each step was done');
is(sql(q{TRUNCATE ref.sealed; SELECT ref.check_always('at the end')}), '', 'what is promised of the books holds');
is(sql(q{SELECT m.month, r.measure, r.kind, r.difference FROM (SELECT DISTINCT s.snapshot_month AS month FROM acct.account_balance_snapshot AS s) AS m,
	acct.reconcile_month(m.month) AS r WHERE r.difference <> 0}), '', 'each month reconciles');
is(sql(q{SELECT r.run_id, v.check_name FROM acct.journal_run AS r, acct.validate_run(r.run_id) AS v WHERE acct._is_posted(r.status) AND NOT v.passed}), '', 'each run is valid');
done_testing();
