# Months are archived by policy and brought back again, over and over, while others load, post, rotate, read and recompute.
# Nobody is deadlocked with, nobody fails, and the ledger is what it was.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = 8;
my $seed = random_seed();
my $node = new_node('main', 'log_lock_waits = off', 'max_connections = 50');
my $dir = $node->basedir;

make_database($node, 'ledger');
for my $month (1, 4, 7, 10)
{
	load_quietly($node, 'ledger', sprintf('2023-%02d-01', $month), 300, $month);
	$node->safe_psql('ledger', sprintf(q{SELECT * FROM acct.run_month('2023-%02d-01')}, $month));
}
$node->safe_psql(
	'ledger', q{
	SELECT acct.close_period(period_month, entity_code, basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.journal_number;
	-- What cannot be journalled would keep the source where it is.
	UPDATE acct.je_exception SET resolved_by_run = run_id;
	UPDATE acct.retention_policy SET active_days = 0 WHERE table_name = 'je_staging';
	CREATE TABLE public.seen (action text, reason text);
	CREATE TABLE public.restored (table_name text, month date);
	CREATE SEQUENCE public.txn;
	SELECT acct.rotate_txn_source_partitions(0);});
my $before = fingerprint($node, 'ledger', q{run_id <= 4});

my %script = (
	# Each is run by one client, in a transaction a statement.
	retain => q{INSERT INTO public.seen SELECT action, reason FROM acct.apply_retention();},
	restore => q{\set choice random(1, 1000000)
		DO $$
		DECLARE
			a record;
		BEGIN
			SELECT table_name, month INTO a FROM acct.archived_partition WHERE restored_at IS NULL ORDER BY hashtextextended(table_name || month, :choice) LIMIT 1;
			IF acct.restore_partition(a.table_name, a.month, 0) THEN
				INSERT INTO public.restored VALUES (a.table_name, a.month);
			END IF;
		EXCEPTION WHEN lock_not_available OR invalid_parameter_value THEN
			-- In use, or there is none
			NULL;
		END $$;},
	post => q{BEGIN;
		INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, currency,
			gross_amount, tabarru_amount, tanahud_amount, investment_amount, ujroh_amount)
		SELECT nextval('public.txn'), txn_month, bank_value_date, entity_code, txn_type, product_code, channel, currency,
			gross_amount, tabarru_amount, tanahud_amount, investment_amount, ujroh_amount
			FROM acct.sample_transactions(date_trunc('month', current_date)::date, 20);
		SELECT * FROM acct.run_month(date_trunc('month', current_date)::date);
		COMMIT;},
	rotate => q{\set month random(1, 12)
		DO $$
		BEGIN
			PERFORM FROM acct.rotate_ledger_partitions(1 + :month);
			PERFORM FROM acct.rotate_txn_source_partitions(2);
		EXCEPTION WHEN lock_not_available THEN
			-- In use for as long as rotation waits
			NULL;
		END $$;},
	# The ledger first, then the books: the other way round than archiving
	recompute => q{BEGIN;
		SELECT count(*) FROM acct.ledger_entry_line;
		SELECT count(*) FROM acct.txn_source_parent;
		SELECT acct.update_balance_snapshot();
		COMMIT;},
	read => q{SELECT count(*), sum(debit) - sum(credit) FROM acct.ledger_entry_line;
		SELECT count(*) FROM acct.fund_journal;
		SELECT count(*) FROM acct.check_balance_snapshot();});

my %bench;
for my $name (sort keys %script)
{
	my ($out, $err) = ('', '');
	append_to_file("$dir/$name.sql", "$script{$name}\n\\sleep 50 ms\n");
	local %ENV = $node->_get_env();
	$bench{$name} = { out => \$out, err => \$err };
	$bench{$name}{run} = IPC::Run::start([ 'pgbench', '-n', '-c', '1', '-T', $seconds, "--random-seed=$seed", '-f', "$dir/$name.sql", 'ledger' ], '>', \$out, '2>', \$err);
}
for my $name (sort keys %bench)
{
	ok($bench{$name}{run}->finish, "$name: no error") or diag(${ $bench{$name}{err} });
	like(${ $bench{$name}{out} }, qr/actually processed: [1-9]/, "$name: done at least once");
}
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'nobody is deadlocked with');
is($node->safe_psql('ledger', q{SELECT DISTINCT reason FROM public.seen WHERE action = 'skip' AND reason !~ 'is in use|open for|is being worked on|kept until'}),
	'', 'what was left alone was in use');
cmp_ok($node->safe_psql('ledger', q{SELECT count(*) FROM public.seen WHERE action = 'archive'}), '>', 0, 'months were archived');
# On a busy machine everything may be in use each time; at the end all is restored in any case.
note $node->safe_psql('ledger', 'SELECT count(*) FROM public.restored'), ' months were restored meanwhile';
note $node->safe_psql('ledger', q{SELECT action, regexp_replace(reason, '[0-9].*', ''), count(*) FROM public.seen GROUP BY 1, 2 ORDER BY 1, 2});
is(broken_invariants($node, 'ledger'), '', 'all invariants hold');
$node->safe_psql('ledger', 'SELECT acct.restore_partition(table_name, month) FROM acct.archived_partition WHERE restored_at IS NULL');
cmp_ok($node->safe_psql('ledger', 'SELECT count(*) FROM acct.archived_partition WHERE restored_at IS NOT NULL'), '>', 0, 'months were restored');
is($node->safe_psql('ledger', 'SELECT count(*) FROM acct.archived_partition WHERE restored_at IS NULL'), '0', 'none is left in the archive');
is(broken_invariants($node, 'ledger'), '', 'all invariants hold when all is back');
is(fingerprint($node, 'ledger', q{run_id <= 4}) =~ s/^balances.*\n//mr, $before =~ s/^balances.*\n//mr, 'the same ledger is back');
is($node->safe_psql('ledger', q{SELECT count(*) FROM acct.journal_run r, acct.validate_run(r.run_id) v WHERE r.status = 'posted' AND NOT v.passed}),
	0, 'all runs are valid');
$node->stop;
done_testing();
